"""Walks that execute every transition of a reachable graph, or every one of its *local* transitions, at least once.

A step reads and writes only a part of the state. Two transitions are the same locally if they are the same step with
the same arguments and agree in that part. The parts are declared (`Slice`) and checked on the whole graph: outside its
part a step changes nothing, and what it does inside depends on nothing outside. So where the product of two vCPUs is
too big to be walked, each thing that can happen in it still is, in every situation that makes a difference to it.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from checker.engine.build import load_c
from checker.engine.native import Outcome
from checker.engine.prepare import prepare
from checker.engine.reference import Move, Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.layout import Leaf
from checker.questions.graph_compare import columns
from model.lang import Design, Scope
from oracles.lockstep import Mismatch, NotRunnable, Seen, Step, Totals
from oracles.walk import Disagreement, Subject, shrunk

# Patterns of the leaves that a move reads; with "pattern?leaf" they count only where that leaf is not 0. "+pattern": it
# may write them, and does not read what was there.
Slice = Callable[[Move], Sequence[str]]


Codes: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


class TooBig(Exception):
    """The graph has more states than were allowed."""


@dataclass(frozen=True)
class Space:
    """A reachable graph. codes: u64[states, leaves]; row: i64[states + 1]; label: i64, target: i32[transitions]; kind: the
    number of the (local) transition that each transition is; kinds: how many of them there are."""

    moves: Sequence[Move]
    leaves: Sequence[Leaf]
    codes: Codes
    row: Ints
    label: Ints
    target: NDArray[np.int32]
    parents: Ints
    kind: Ints
    kinds: int

    @property
    def states(self) -> int:
        return len(self.row) - 1


def space(design: type[Design], scope: Scope, part: Slice | None = None, max_states: int = 4_000_000) -> Space:
    """Explore natively. Raises TooBig, NoCompiler, ModelError, and SliceError if `part` is not what the steps touch."""
    prepared = prepare(design, scope, [])
    search = NativeSearch(prepared.program, Reference(design, scope), keep_edges=True, prepared=prepared)
    if search.run(Limits(max_states=max_states), None) is not Outcome.COMPLETE:
        raise TooBig(f"more than {max_states:,} states")
    graph = search.exploration.graph()
    codes = columns(search.exploration.packed(), search.layout.widths)
    row, label, target = graph.row.astype(np.int64), graph.label.astype(np.int64), graph.target.astype(np.int32)
    moves, leaves = Reference(design, scope).moves, search.layout.leaves
    if part is None:
        kind, kinds = np.arange(len(label)), len(label)
    else:
        kind, kinds = _local(codes, row, label, target, moves, leaves, part)
    parents = search.exploration.parents().astype(np.int64)
    return Space(moves, leaves, codes, row, label, target, parents, kind, kinds)


class SliceError(Exception):
    """A step touches more of the state than was declared."""


def _local(
    codes: Codes, row: Ints, label: Ints, target: NDArray[np.int32], moves: Sequence[Move],
    leaves: Sequence[Leaf], part: Slice,
) -> tuple[Ints, int]:  # fmt: skip
    """The number of each transition's local transition, and how many there are. Raises SliceError."""
    source = np.repeat(np.arange(len(row) - 1), np.diff(row))
    kind, kinds = np.full(len(label), -1, np.int64), 0
    names = [str(leaf) for leaf in leaves]
    by_label = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[by_label], np.arange(len(moves) + 1))
    for number, move in enumerate(moves):
        edges = by_label[ends[number] : ends[number + 1]]
        if not len(edges):
            continue
        inside, seen = _part(codes, names, part(move))
        before, after = codes[source[edges]], codes[target[edges]]
        changed = (before != after).any(axis=0) & ~inside
        if changed.any():
            raise SliceError(f"{move.step}{move.args} changes {names[int(np.flatnonzero(changed)[0])]}")
        _, which = np.unique(_keys(seen), return_inverse=True)
        mine = which.ravel()[source[edges]]
        classes, first, which_edge = np.unique(mine, return_index=True, return_inverse=True)
        moved = np.where(before != after, after + 1, 0)[:, inside]  # what it stores that was not there before
        if not _same_effect(before, after, inside, first[which_edge.ravel()], moved):
            raise SliceError(f"what {move.step}{move.args} does depends on more than its part of the state")
        if np.isin(which.ravel(), classes).sum() != len(edges):
            raise SliceError(f"whether {move.step}{move.args} is possible depends on more than its part of the state")
        kind[edges] = kinds + which_edge.ravel()
        kinds += len(first)
    return kind, kinds


def _part(codes: Codes, names: Sequence[str], patterns: Sequence[str]) -> tuple[Bools, Codes]:
    """Which leaves are in the part, and every state's codes of them, 0 where a condition says that they do not count."""
    inside, seen = np.zeros(len(names), bool), np.zeros_like(codes)
    for text in patterns:
        pattern, _, condition = text.lstrip("+").partition("?")
        chosen = np.array([re.match(pattern, name) is not None for name in names])
        inside |= chosen
        if text.startswith("+"):
            continue
        counts = codes[:, [names.index(condition)]] != 0 if condition else True
        seen[:, chosen] = np.where(counts, codes[:, chosen], seen[:, chosen])
    return inside, seen[:, inside]


def _same_effect(before: Codes, after: Codes, inside: Bools, first: Ints, moved: Codes) -> bool:
    """Whether every transition ends as the first of its class does, in all leaves that either of them changes."""
    touched = (moved != 0) | (moved[first] != 0)
    ends = after[:, inside]
    return bool((~touched | (ends == ends[first])).all())


def _keys(rows: Codes) -> Ints:
    """i64[rows]: equal for equal rows, and for them only."""
    key = np.zeros(len(rows), np.int64)
    bound = 1
    for column in rows.T:
        size = int(column.max()) + 1
        if bound * size >= 1 << 62:
            _, key = np.unique(key, return_inverse=True)
            key, bound = key.ravel(), len(rows)
        key, bound = key * size + column.astype(np.int64), bound * size
    return key


@dataclass
class Covered:
    """What a covering walk did. kinds: (local) transitions that are reachable; done: those executed; left_out: why
    others were not -> how many."""

    title: str
    states: int
    transitions: int
    kinds: int
    done: int = 0
    totals: Totals = field(default_factory=Totals)
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    disagreement: Disagreement | None = None


class Tour:
    """Which transitions are still to be executed, and where to go next."""

    def __init__(self, of: Space) -> None:
        self.of = of
        self.open = np.ones(of.kinds, bool)
        self.left = of.kinds
        self.by_kind = np.argsort(of.kind, kind="stable")  # within a kind in order of breadth-first sources
        self.ends = np.searchsorted(of.kind[self.by_kind], np.arange(of.kinds + 1))
        self.firsts = np.sort(self.by_kind[self.ends[:-1]])
        self.next = 0
        self.source = np.repeat(np.arange(of.states), np.diff(of.row))
        self.open_from = np.diff(of.row).astype(np.int32)  # open transitions that leave each state
        self.via = np.full(of.states, -1, np.int64)
        self.queue, self.path = np.empty(of.states, np.int32), np.empty(of.states, np.int64)
        self.nearest = _library().nearest

    def here(self, state: int) -> int | None:
        """A transition that leaves this state and is still to be executed."""
        if not self.open_from[state]:
            return None
        start, end = self.of.row[state], self.of.row[state + 1]
        return int(start + np.flatnonzero(self.open[self.of.kind[start:end]])[0])

    def mark(self, edge: int) -> None:
        kind = int(self.of.kind[edge])
        if self.open[kind]:
            self.open[kind] = False
            self.left -= 1
            alike = self.by_kind[self.ends[kind] : self.ends[kind + 1]]
            np.subtract.at(self.open_from, self.source[alike], 1)

    def from_start(self) -> list[int]:
        """From the initial state to and along the open transition that is nearest to it."""
        while not self.open[self.of.kind[self.firsts[self.next]]]:
            self.next += 1
        edge = int(self.firsts[self.next])
        path, state = [edge], int(self.source[edge])
        while state != 0:
            before = int(self.of.parents[state])
            start, end = self.of.row[before], self.of.row[before + 1]
            path.append(int(start + np.flatnonzero(self.of.target[start:end] == state)[0]))
            state = before
        return path[::-1]

    def onward(self, state: int) -> list[int]:
        """From a state to and along the open transition that is nearest to it; empty if it reaches none."""
        arrays = (self.of.row, self.of.target, self.open_from, self.via, self.queue, self.path)
        length = self.nearest(*(array.ctypes.data for array in arrays), state)
        if length < 0:
            return []
        way = [int(edge) for edge in self.path[:length][::-1]]
        last = self.here(int(self.of.target[way[-1]]))
        assert last is not None
        return [*way, last]


@functools.cache
def _library() -> ctypes.CDLL:
    library = load_c((Path(__file__).parent / "nearest.c").read_text(encoding="utf-8"), ("-O2",))
    library.nearest.argtypes = [*[ctypes.c_void_p] * 6, ctypes.c_int32]
    library.nearest.restype = ctypes.c_int64
    return library


def cover(
    subject: Subject, of: Space, title: str, *, on_step: Callable[[Seen], None] | None = None,
    progress: Callable[[Covered], None] | None = None,
) -> Covered:  # fmt: skip
    """Execute every (local) transition on the real system; stops at the first disagreement."""
    result = Covered(title, of.states, len(of.label), of.kinds)
    tour = Tour(of)
    walk: list[Step] = []
    while tour.left:
        path = tour.from_start()
        walk, edge = [], path[0]
        try:
            lock = subject.begin(result.totals, on_step)
            for edge in _edges(tour, path):
                move = of.moves[int(of.label[edge])]
                walk.append((move.step, move.args))
                lock.step(move.step, move.args)
                tour.mark(edge)
                if progress is not None and result.totals.steps % 4096 == 0:
                    result.done = of.kinds - tour.left
                    progress(result)
        except NotRunnable as error:
            tour.mark(edge)  # it cannot be done here at all
            result.left_out[str(error)] = result.left_out.get(str(error), 0) + 1
        except Mismatch as mismatch:
            result.disagreement = shrunk(subject, walk if mismatch.number else [])
            break
    subject.real.close()
    result.done = of.kinds - tour.left - sum(result.left_out.values())
    return result


def _edges(tour: Tour, path: list[int]) -> Iterator[int]:
    """The path, and from its end on whatever is open and near."""
    while path:
        yield from path
        state = int(tour.of.target[path[-1]])
        edge = tour.here(state)
        path = [edge] if edge is not None else tour.onward(state)
