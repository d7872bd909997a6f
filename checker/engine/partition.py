"""A part of a breadth-first search that several processes do together (workers/partitioned.py): the states whose hash says so.

A level goes through rounds. `expand`: each part takes the steps of its states of the level, and each successor goes to the part that
has it. `settle`: a part looks all of them up in the order in which one search would meet them: by source and position. `number`: so
its new states are known, and get the ids that one search would give them. `link`: and now every edge its target. What a part has
is in the order of these ids, and only grows; so a level that is not to count is cut off.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.engine.native import NONE, U8, U16, U32, U64
from checker.engine.search import NativeSearch

CHUNK = 1 << 10  # states whose successors are made between two looks at whether to stop
POSITION = np.uint64(16)  # bits: there are fewer labels


@dataclass(frozen=True)
class Batch:
    """Successors that go to one part. order: source and position, ascending; keys: u32[n, words]."""

    order: U64
    keys: U32


@dataclass(frozen=True)
class PartOfAll:
    """What a part has of the states and edges that count. ids: of its states; rows: how many edges each of its expanded ones has;
    small, marks: see Exploration.small."""

    ids: U32
    keys: U32
    parents: U32
    rows: U32
    targets: U32
    labels: U16
    small: dict[str, U8]
    marks: U8


class Portion:
    """large: it will be. keep_edges: somebody asks for them."""

    def __init__(
        self, search: NativeSearch, parts: int, *, large: bool, keep_edges: bool, max_bytes: int | None
    ) -> None:
        self._search, self._parts, self._keep, self._max_bytes = search, parts, keep_edges, max_bytes
        search.begin_part(large=large)
        self._of = search.exploration
        self._ids, self._ends = _Grown(np.uint32), _Grown(np.uint32)
        self._targets, self._labels = _Grown(np.uint32), _Grown(np.uint16)
        self._expanded = 0
        self._width = self._of.sizes_of({**self._of.counts(), "states": 1})["keys"] // 4  # u32 of a packed state
        self._went: U32 = np.zeros(0, np.uint32)  # of the level: to which part each edge leads
        self._came = list[U32]()  # of the level: which states came, by the part that sent them
        self._before = self._of.small(), search.marks_so_far()

    def expand(self, stop: threading.Event) -> list[Batch] | None:
        """For each part. None if this level is not to count: something in it cannot be kept, or it is to stop."""
        self._before = self._of.small(), self._search.marks_so_far()
        names, chunks = self._ids.all[self._expanded :], list[tuple[U32, U16, U32, U32]]()
        for at in range(0, len(names), CHUNK):
            some = min(CHUNK, len(names) - at)
            found = None if stop.is_set() else self._of.expand(self._expanded + at, some, self._parts)
            if found is None:
                return None
            chunks.append(found)
        orders = [_order(names[n * CHUNK : (n + 1) * CHUNK], end) for n, (_, _, _, end) in enumerate(chunks)]
        self._expanded += len(names)
        keys = _joined([chunk[0] for chunk in chunks], np.zeros((0, self._width), np.uint32))
        order = _joined(orders, np.zeros(0, np.uint64))
        self._went = _joined([chunk[2] for chunk in chunks], np.zeros(0, np.uint32))
        if self._keep:
            self._labels.add(_joined([chunk[1] for chunk in chunks], np.zeros(0, np.uint16)))
        for *_, end in chunks:
            self._ends.add(np.diff(end, prepend=np.uint32(0)))
        return [Batch(order[self._went == part], keys[self._went == part]) for part in range(self._parts)]

    def settle(self, batches: Sequence[Batch]) -> U64 | None:
        """One from each part; of its new states, where each was met first. None if there is no room."""
        order = np.concatenate([batch.order for batch in batches])
        sorting, known = np.argsort(order, kind="stable"), len(self._ids.all)
        keys = np.ascontiguousarray(np.concatenate([batch.keys for batch in batches])[sorting])
        order = order[sorting]
        found = self._of.insert(keys, (order >> POSITION).astype(np.uint32), self._max_bytes)
        if found is None:
            return None
        ids = np.empty_like(found)
        ids[sorting] = found
        self._came = np.split(ids, np.cumsum([len(batch.order) for batch in batches])[:-1])
        _, first = np.unique(found[found >= known], return_index=True)
        met: U64 = order[found >= known][first]
        return met

    def number(self, ids: U32) -> list[U32]:
        """The ids of its new states. For each part, the targets of the edges that it sent, if they are asked for."""
        self._ids.add(ids)
        return [self._ids.all[came] for came in self._came] if self._keep else []

    def link(self, targets: Sequence[U32]) -> int:
        """From each part, of what was sent there. How many bytes it has."""
        if self._keep:
            of_level = np.empty(len(self._went), np.uint32)
            for part, found in enumerate(targets):
                of_level[self._went == part] = found
            self._targets.add(of_level)
        return self._of.stats().bytes

    def begin(self, key: U32) -> None:
        """Have the initial state."""
        self._of.insert(key, np.full(1, 0xFFFF_FFFF, np.uint32), None)
        self._ids.add(np.zeros(1, np.uint32))

    def all_of(self, expanded: int, states: int, *, cut: bool) -> PartOfAll:
        """What it has of the first so many. cut: the last level does not count."""
        ids = self._ids.all[: np.searchsorted(self._ids.all, states)]
        rows = self._ends.all[: np.searchsorted(ids, expanded)]
        edges, count = int(rows.sum()), len(ids)
        sizes = self._of.sizes_of({**self._of.counts(), "states": count})
        keys, parents = (self._of.memory(name, sizes[name]).copy().view(np.uint32) for name in ("keys", "parent"))
        small, marks = self._before if cut else (self._of.small(), self._search.marks_so_far())
        targets, labels = (
            (self._targets.all[:edges], self._labels.all[:edges]) if self._keep else (_NONE, self._labels.all[:0])
        )
        return PartOfAll(
            ids, keys.reshape(count, self._width), parents, rows, targets, labels, self._by_id(small), marks
        )

    def _by_id(self, small: dict[str, U8]) -> dict[str, U8]:
        """What formulas saw first, with the ids of the whole search instead of its own."""
        first = small["first"].view(np.uint32).copy()
        edges = small["first_edge"].view(np.uint32).reshape(-1, 3).copy()
        for states in (first, edges[:, 0]):
            states[states != NONE] = self._ids.all[states[states != NONE]]
        return {**small, "first": first.view(np.uint8), "first_edge": edges.reshape(-1).view(np.uint8)}


_NONE: U32 = np.zeros(0, np.uint32)


def _order(names: U32, end: U32) -> U64:
    """u64[edges]: source and position of each."""
    counts = np.diff(end, prepend=np.uint32(0)).astype(np.int64)
    starts = np.repeat(end.astype(np.int64) - counts, counts)
    position = np.arange(int(counts.sum())) - starts
    found: U64 = np.repeat(names.astype(np.uint64), counts) << POSITION | position.astype(np.uint64)
    return found


def _joined(some: Sequence[NDArray[Any]], nothing: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(some) if some else nothing


class _Grown:
    """An array to which is added."""

    def __init__(self, kind: type) -> None:
        self._room: NDArray[Any] = np.empty(1 << 10, kind)
        self._used = 0

    def add(self, more: NDArray[Any]) -> None:
        needed = self._used + len(more)
        if needed > len(self._room):
            grown = np.empty(max(needed, len(self._room) * 3 // 2), self._room.dtype)
            grown[: self._used] = self._room[: self._used]
            self._room = grown
        self._room[self._used : needed] = more
        self._used = needed

    @property
    def all(self) -> NDArray[Any]:
        return self._room[: self._used]
