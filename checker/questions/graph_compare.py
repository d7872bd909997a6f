"""Do two designs have the same reachable graph in a cell?

Compared are the states, restricted to the fields that both have, the initial state, and every transition by step name
and arguments.

Two explorations of one digest have the same graph, in every field, and need not be made again.

The restriction must keep all states of each design apart: otherwise equal pictures would prove nothing, and
the answer is that they were not comparable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.engine.native import Outcome, Stats
from checker.engine.prepare import prepare
from checker.engine.reference import Move, Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.layout import Leaf
from checker.matrix.alike import asked_alike
from checker.matrix.cells import Cell
from checker.stories.trace import show
from model.finite import EnumType, OptionalType, Type
from model.lang import Property

SAME = "same reachable graph"
INTERRUPTED = Outcome.INTERRUPTED.value


@dataclass(frozen=True)
class GraphComparison:
    """same: None if it could not be decided. left_out: fields that only one has. why: if it is not True."""

    same: bool | None
    states: int = 0
    transitions: int = 0
    left_out: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class _Picture:
    """A reachable graph. codes: u64[states, leaves]; edges: i64[transitions, 3] of source, move, target."""

    leaves: list[Leaf]
    moves: list[Move]
    codes: NDArray[np.uint64]
    edges: NDArray[np.int64]


def compare_graphs(
    base: Cell, design: Cell, properties: Sequence[Property], limits: Limits,
    on_progress: Callable[[Stats], None] | None = None,
) -> GraphComparison:  # fmt: skip
    """Explore both cells (again: the verdicts do not keep their graphs) and compare. Raises as check_cell does, and
    KeyboardInterrupt."""
    a, b = (_picture(cell, properties, limits, on_progress) for cell in (base, design))
    if a is None or b is None:
        return GraphComparison(None, why="a limit was reached")
    of_a, of_b = ({(leaf.path, meaning_of(leaf.type)): n for n, leaf in enumerate(p.leaves)} for p in (a, b))
    common = [leaf for leaf in of_a if leaf in of_b]
    left_out = tuple(sorted({str(path[0]) for path, _ in of_a.keys() ^ of_b.keys()}))
    rows = [_restricted(p, [of[leaf] for leaf in common]) for p, of in ((a, of_a), (b, of_b))]
    distinct = [len(np.unique(r)) for r in rows]
    if distinct[0] != len(a.codes) or distinct[1] != len(b.codes):
        why = f"not comparable: some states differ only in {', '.join(left_out)}, which one of the two does not have"
        return GraphComparison(None, len(a.codes), len(a.edges), left_out, why)
    if unfair := _other_fairness(a, b):
        why = f"the same steps, but other fairness of {', '.join(unfair)}: other runs count"
        return GraphComparison(False, len(a.codes), len(a.edges), left_out, why)
    same = _equal(a, b, rows)
    return GraphComparison(
        same, len(a.codes), len(a.edges), left_out, "" if same else "as many states and transitions, but others"
    )


def digest_of(search: NativeSearch, moves: Sequence[Move]) -> str:
    """Of the whole graph of a search: its fields and moves by what they mean, its states and transitions in the order in which
    they were found. "" if the search has not all of it."""
    exploration = search.exploration
    if search.outcome is not Outcome.COMPLETE or not exploration.keep_edges:
        return ""
    leaves = [(leaf.path, meaning_of(leaf.type)) for leaf in search.layout.leaves]
    digest = hashlib.blake2b(repr((leaves, [(called(m), m.fair.name) for m in moves])).encode(), digest_size=32)
    graph = exploration.graph()
    for array in (exploration.packed(), graph.row, graph.label, graph.target):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _equal(a: _Picture, b: _Picture, rows: Sequence[NDArray[np.void]]) -> bool:
    order_a, order_b = np.argsort(rows[0]), np.argsort(rows[1])
    if len(order_a) != len(order_b) or len(a.edges) != len(b.edges):
        return False
    if not np.array_equal(rows[0][order_a], rows[1][order_b]):
        return False
    to_a = np.empty(len(order_b), np.int64)  # state of b -> the same state of a
    to_a[order_b] = order_a
    numbers = {called(m): k for k, m in enumerate(a.moves)}
    move_to_a = np.array([numbers.get(called(m), -1) for m in b.moves], np.int64)
    renamed = np.stack([to_a[b.edges[:, 0]], move_to_a[b.edges[:, 1]], to_a[b.edges[:, 2]]], axis=1)
    return bool(to_a[0] == 0) and np.array_equal(_sorted(a.edges), _sorted(renamed))


def _other_fairness(a: _Picture, b: _Picture) -> list[str]:
    """The steps of both to which a run owes something else in one than in the other."""
    owed = {m.step: m.fair for m in a.moves}
    return list(dict.fromkeys(m.step for m in b.moves if owed.get(m.step, m.fair) is not m.fair))


def _sorted(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    return edges[np.lexsort((edges[:, 2], edges[:, 1], edges[:, 0]))]


def meaning_of(of: Type) -> Hashable:
    """What a type's codes mean: two files may each have an Enum of their own, with the same members."""
    match of:
        case EnumType():
            return tuple((member.name, member.value) for member in of.members)
        case OptionalType():
            return OptionalType, meaning_of(of.of)
        case _:
            return of


def called(move: Move) -> Hashable:
    return move.step, *map(show, move.args)


def _restricted(picture: _Picture, common: Sequence[int]) -> NDArray[np.void]:
    """void[states]: each state's codes of the common leaves, as one comparable value."""
    chosen = np.ascontiguousarray(picture.codes[:, common])
    return chosen.view(np.dtype((np.void, chosen.dtype.itemsize * chosen.shape[1]))).ravel()


def _picture(
    cell: Cell, properties: Sequence[Property], limits: Limits, on_progress: Callable[[Stats], None] | None
) -> _Picture | None:
    applying = [p for p in properties if p.why_not(cell.system) is None]
    prepared = prepare(cell.system, cell.scope, applying, asked_alike)
    search = NativeSearch(prepared.program, Reference(cell.system, cell.scope), keep_edges=True, prepared=prepared)
    outcome = search.run(limits, on_progress)
    if outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    if outcome is not Outcome.COMPLETE:
        return None
    graph = search.exploration.graph()
    sources = np.repeat(np.arange(graph.n), (graph.row[1:] - graph.row[:-1]).astype(np.int64))
    edges = np.stack([sources, graph.label.astype(np.int64), graph.target.astype(np.int64)], axis=1)
    leaves, widths = search.layout.leaves, search.layout.widths
    moves = Reference(cell.system, cell.scope).moves
    return _Picture(leaves, moves, columns(search.exploration.packed(), widths), edges)


def columns(packed: NDArray[np.uint32], widths: Sequence[int]) -> NDArray[np.uint64]:
    """u64[states, leaves]: the code of every leaf, cut out of the packed states."""
    words = np.concatenate([packed, np.zeros((len(packed), 3), np.uint32)], axis=1).astype(np.uint64)
    codes = np.zeros((len(packed), len(widths)), np.uint64)
    at = 0
    for k, width in enumerate(widths):
        if width:
            codes[:, k] = _bits(words, at, width)
        at += width
    return codes


def _bits(words: NDArray[np.uint64], at: int, width: int) -> NDArray[np.uint64]:
    """u64[states]: `width` (at most 64) bits from bit `at` on."""
    found = np.zeros(len(words), np.uint64)
    taken = 0
    while taken < width:
        word, offset = divmod(at + taken, 32)
        count = min(32 - offset, width - taken)
        part = (words[:, word] >> np.uint64(offset)) & np.uint64((1 << count) - 1)
        found |= part << np.uint64(taken)
        taken += count
    return found
