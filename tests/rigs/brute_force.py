"""Liveness on tiny graphs by trying every set of states: no algorithm, only the definition.

Sets of states are bit masks. Independent of checker.engine.liveness and of its reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.lang import Fair


@dataclass(frozen=True)
class TinyGraph:
    """n states, of which 0..initial-1 are initial; edges are (src, label, dst); p and q are sets of states."""

    n: int
    initial: int
    edges: tuple[tuple[int, int, int], ...]
    fairness: tuple[Fair, ...]
    p: frozenset[int]
    q: frozenset[int]


def _step(states: int, edges: Sequence[tuple[int, int]]) -> int:
    for src, dst in edges:
        if states >> src & 1:
            states |= 1 << dst
    return states


def _closure(states: int, edges: Sequence[tuple[int, int]]) -> int:
    while (more := _step(states, edges)) != states:
        states = more
    return states


def _subsets(states: int) -> Iterator[int]:
    subset = states
    while subset:
        yield subset
        subset = (subset - 1) & states


def _is_strongly_connected(states: int, edges: Sequence[tuple[int, int]]) -> bool:
    anyone = states & -states
    backwards = [(dst, src) for src, dst in edges]
    return bool(edges) and _closure(anyone, edges) == states and _closure(anyone, backwards) == states


def _settles_in(graph: TinyGraph, states: int) -> bool:
    """May a fair run visit exactly these states again and again and no others?"""
    inside = [
        (src, label, dst)
        for src, label, dst in graph.edges
        if states >> src & 1 and states >> dst & 1 and graph.fairness[label] is not Fair.FINITE
    ]
    moves = _is_strongly_connected(states, [(src, dst) for src, _, dst in inside])
    stops = states & (states - 1) == 0
    takes = [{label for _, label, _ in inside}] * moves + [set[int]()] * stops
    return any(_is_fair(graph, states, taken) for taken in takes)


def _is_fair(graph: TinyGraph, states: int, taken: set[int]) -> bool:
    for label, fair in enumerate(graph.fairness):
        enabling = sum({1 << src for src, a, _ in graph.edges if a == label}) & states
        if label in taken:
            continue
        if fair is Fair.WEAK and enabling == states:
            return False
        if fair is Fair.STRONG and enabling:
            return False
    return True


def _mask(states: Iterator[int] | frozenset[int] | range) -> int:
    return sum(1 << s for s in states)


def violated(graph: TinyGraph) -> bool:
    """Is there a fair run in which p is not followed by q?"""
    reachable = _closure(_mask(range(graph.initial)), [(src, dst) for src, _, dst in graph.edges])
    avoiding = [(src, dst) for src, _, dst in graph.edges if src not in graph.q and dst not in graph.q]
    doomed = _closure(reachable & _mask(graph.p - graph.q), avoiding)
    return any(_settles_in(graph, states) for states in _subsets(doomed))


def shortest_stem(graph: TinyGraph) -> int | None:
    """Edges of the shortest stem of a violating run: the least k such that some walk of k edges leads from
    an initial state to a set where a fair run settles, meets p on the way and q no more."""
    region = _mask(frozenset(range(graph.n)) - graph.q)
    home = 0
    for states in _subsets(region):
        home |= states if _settles_in(graph, states) else 0
    plain, triggered = _mask(range(graph.initial)), 0
    for length in range(2 * graph.n + 1):
        triggered |= plain & region & _mask(graph.p)
        if triggered & home:
            return length
        plain, triggered = (
            sum({1 << dst for src, _, dst in graph.edges if layer >> src & 1}) for layer in (plain, triggered)
        )
        triggered &= region
    return None
