"""Weak bisimulation of two graphs: what an observer can tell who does not see every step.

A transition is *silent* (label SILENT) if nobody who looks sees it. Two states are alike if whatever one can come to show,
after any number of silent steps, the other can, too, and come to a state that is alike again; and if either both or none
can take silent steps for ever (divergence counts, where Milner's weak bisimulation does not look).

Decided exactly: the graph is first made smaller by strong bisimulation, and then refined over its weak transitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.questions.bisimulation import I64, refined

SILENT = 0
MOST = 20_000_000  # transitions that are looked at: some 2 GB


class TooLarge(Exception):
    """More transitions than there is room for: nothing is said."""


def no_tick() -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Labelled:
    """States 0..n-1. colour: i64[n], what is read of each; edges: i64[m, 3], source, label, target; label SILENT is unseen."""

    colour: I64
    edges: I64

    @property
    def n(self) -> int:
        return len(self.colour)


@dataclass(frozen=True)
class Quotient:
    """A graph of which states are alike, for all that can be told. of: i64[states], the class of each state of the first one."""

    graph: Labelled
    of: I64


def strong_quotient(graph: Labelled, tick: Callable[[], None] = no_tick) -> Quotient:
    """One state for all that strong bisimulation takes for one; silent steps count as steps. tick: called now and then; may
    raise. Raises TooLarge."""
    _check(len(graph.edges))
    edges = _distinct(graph.edges, graph.n)
    colour = np.unique(graph.colour, return_inverse=True)[1].reshape(-1).astype(np.int64)
    while True:
        tick()
        finer = refined(colour, edges[:, 0], edges[:, 2], edges[:, 1])
        if finer.max(initial=0) == colour.max(initial=0):
            break
        colour = finer
    first = np.unique(colour, return_index=True)[1]
    kept = np.stack([colour[edges[:, 0]], edges[:, 1], colour[edges[:, 2]]], axis=1)
    return Quotient(Labelled(graph.colour[first], _distinct(kept, len(first))), colour)


def diverging(graph: Labelled) -> NDArray[np.bool_]:
    """bool[n]: from here silent steps may follow each other for ever."""
    silent = graph.edges[graph.edges[:, 1] == SILENT]
    alive = np.ones(graph.n, np.bool_)
    while True:
        goes_on = np.zeros(graph.n, np.bool_)
        goes_on[silent[alive[silent[:, 2]], 0]] = True
        goes_on &= alive
        if (goes_on == alive).all():
            return alive
        alive = goes_on


def weakly_alike(graph: Labelled, one: int, other: int, tick: Callable[[], None] = no_tick) -> bool:
    """tick: called now and then; may raise. Raises TooLarge."""
    closure = silent_closure(graph)
    weak = _saturated(graph, closure)
    diverges = diverging(graph).astype(np.int64)
    colour = np.unique(graph.colour * 2 + diverges, return_inverse=True)[1].reshape(-1).astype(np.int64)
    while colour[one] == colour[other]:
        tick()
        finer = refined(colour, weak[:, 0], weak[:, 2], weak[:, 1])
        if finer.max(initial=0) == colour.max(initial=0):
            return True
        colour = finer
    return False


def silent_closure(graph: Labelled) -> I64:
    """i64[pairs, 2]: which states each state can come to by silent steps, itself among them. Raises TooLarge."""
    n = np.int64(max(graph.n, 1))
    silent = graph.edges[graph.edges[:, 1] == SILENT]
    rows = Rows(silent[:, 0], silent[:, 2], graph.n)
    known = fresh = np.arange(graph.n, dtype=np.int64) * (n + 1)
    while len(fresh):
        _check(rows.count(fresh % n))
        origin, target = rows.joined(fresh // n, fresh % n)
        found = np.unique(origin * n + target)
        fresh = np.setdiff1d(found, known, assume_unique=True)
        known = np.union1d(known, fresh)
        _check(len(known))
    return np.stack([known // n, known % n], axis=1)


class Rows:
    """Pairs by their first half, to be looked up."""

    def __init__(self, keys: I64, values: I64, n: int) -> None:
        order = np.argsort(keys, kind="stable")
        self.values = values[order]
        self.begin = np.searchsorted(keys[order], np.arange(n + 1))

    def count(self, keys: I64) -> int:
        return int((self.begin[keys + 1] - self.begin[keys]).sum())

    def joined(self, carried: I64, keys: I64) -> tuple[I64, I64]:
        """(carried, value) for each value of each key."""
        counts = self.begin[keys + 1] - self.begin[keys]
        ends = np.cumsum(counts)
        at = np.arange(self.count(keys)) - np.repeat(ends - counts, counts) + np.repeat(self.begin[keys], counts)
        return np.repeat(carried, counts), self.values[at]


def _saturated(graph: Labelled, closure: I64) -> I64:
    """i64[triples, 3]: what each state can show next, with silent steps before and after, and where it then can be; and
    where it can be without showing anything."""
    after = Rows(closure[:, 0], closure[:, 1], graph.n)
    before = Rows(closure[:, 1], closure[:, 0], graph.n)
    seen = graph.edges[graph.edges[:, 1] != SILENT]
    _check(after.count(seen[:, 2]))
    number, last = after.joined(np.arange(len(seen)), seen[:, 2])
    once = _distinct(np.stack([seen[number, 0], seen[number, 1], last], axis=1), graph.n)
    _check(before.count(once[:, 0]))
    number, first = before.joined(np.arange(len(once)), once[:, 0])
    shown = _distinct(np.stack([first, once[number, 1], once[number, 2]], axis=1), graph.n)
    unseen = np.stack([closure[:, 0], np.full(len(closure), SILENT), closure[:, 1]], axis=1)
    return np.concatenate([unseen, shown])


def _distinct(edges: I64, n: int) -> I64:
    """i64[m, 3]: each edge once, in order; n: of states."""
    labels, size = int(edges[:, 1].max(initial=0)) + 1, max(n, 1)
    if size * size * labels >= 1 << 62:  # an edge is one number of 64 bits
        raise TooLarge
    found = np.unique((edges[:, 0] * labels + edges[:, 1]) * size + edges[:, 2])
    return np.stack([found // size // labels, found // size % labels, found % size], axis=1)


def _check(size: int) -> None:
    if size > MOST:
        raise TooLarge
