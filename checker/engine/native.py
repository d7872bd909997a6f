"""Drive the search engine (runtime.c) over a generated model library."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.engine.build import CompileFailed, NoCompiler, compile_c, load_c
from checker.engine.engine_abi import ABI, SIZES, CModel, COrbits, CView, SearchStatus, best_engine, large_engine
from checker.engine.linked import Linked
from checker.errors import InternalError

__all__ = [
    "CompileFailed",
    "CorruptParents",
    "Exploration",
    "Fault",
    "Graph",
    "ModelShape",
    "NoCompiler",
    "Outcome",
    "Stats",
    "compile_c",
    "load_c",
]

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]

NONE = 0xFFFF_FFFF  # no state: parent of an initial state, or a value never seen
CHUNK_SECONDS = 0.05
BORDER = 400_000  # states: what takes longer to compile runs a little faster, which pays from here on
UNLIMITED = 2**64 - 1


class CorruptParents(Exception):
    """The parents of a state do not lead back to an initial state."""


# ---- what a search is given and what it answers ----


@dataclass(frozen=True)
class ModelShape:
    """What the engine must know about a generated model library.

    mask, frozen, padding: u64[words8]. `mask` selects the stored bits; every other bit of a state must
    equal `frozen`, except the bits of `padding` (default none), whose value means nothing. marks: how many there are in what
    eoi_marks gives.
    """

    mask: U64
    frozen: U64
    max_successors: int
    labels: int
    n_atoms: int = 0
    n_edge_atoms: int = 0
    padding: U64 | None = None
    marks: int = 0


class Outcome(Enum):
    """Why a run returned. Only COMPLETE means that every reachable state was seen."""

    COMPLETE = "every reachable state was visited"
    STATE_LIMIT = "the limit on states was reached"
    MEMORY_LIMIT = "memory ran out"
    DISK_LIMIT = "the room on disk ran out"
    TIME_LIMIT = "time ran out"
    INTERRUPTED = "interrupted"
    FAULT = "a step stored a value out of its field's range"


_OUTCOMES = {
    SearchStatus.DONE: Outcome.COMPLETE,
    SearchStatus.FAULT: Outcome.FAULT,
    SearchStatus.OUT_OF_MEMORY: Outcome.MEMORY_LIMIT,
    SearchStatus.OUT_OF_DISK: Outcome.DISK_LIMIT,
    SearchStatus.STATE_LIMIT: Outcome.STATE_LIMIT,
}


@dataclass(frozen=True)
class Stats:
    """Progress. `depth` counts breadth-first levels; `bytes` is everything the engine has mapped or
    allocated, but for `disk_bytes`, which lie in files; `table_bytes` the part of both for keys, parents and hash slots.
    `level_ends`: how many states there are up to each level that is finished, and `found_before`: (states, expanded) of what the search goes on from; both only while it goes on."""

    states: int
    expanded: int
    transitions: int
    depth: int
    bytes: int
    table_bytes: int
    level_ends: tuple[int, ...] = ()
    disk_bytes: int = 0
    found_before: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Fault:
    """Taking step `label` in state `src` (NONE: an initial state) stored a value out of range.

    stray: the model did not notice; a bit outside the mask changed.
    """

    src: int
    label: int
    stray: bool


@dataclass(frozen=True)
class Graph:
    """Edges by source state: those of s are row[s]..row[s+1]. Initial states are 0..initial-1.

    row: u64[n+1]; target: u32[m]; label: u16[m].
    """

    row: U64
    target: U32
    label: U16
    initial: int

    @property
    def n(self) -> int:
        return len(self.row) - 1


class _Memory:
    """Lets numpy look at engine memory while keeping the engine alive."""

    def __init__(self, owner: object, address: int | None, shape: tuple[int, ...], kind: str) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address or 0, False), "shape": shape, "typestr": kind, "version": 3}


def _described(model: ctypes.CDLL | Linked) -> CModel:
    """The functions of a model; the sizes are to be filled in."""
    if isinstance(model, Linked):
        return CModel(linked=ctypes.addressof(model.c))
    if model.eoi_abi() != ABI:
        raise InternalError(f"model library has ABI {model.eoi_abi()}, the engine {ABI}")
    may_be = [name for name in ("marks", "keys") if hasattr(model, f"eoi_{name}")]
    names = ["expand", "atoms", "edge_atoms", *may_be]
    return CModel(**{name: ctypes.cast(model[f"eoi_{name}"], ctypes.c_void_p).value for name in names})


class Exploration:
    """One breadth-first search of one model. Not for use by two threads at once.

    State ids are breadth-first numbers, the same on every run. The array properties show engine memory
    without copying; taking one ends the search, because a running search moves its memory.
    """

    def __init__(
        self,
        model: ctypes.CDLL | Linked,
        shape: ModelShape,
        *,
        keep_edges: bool = False,
        portable: bool | None = None,
        engine_flags: Sequence[str] = (),
        orbits: COrbits | None = None,
    ) -> None:
        """portable: do without BMI2 (default: if $EOI_PORTABLE is set). orbits: keep representatives only (orbits.h); its owner
        has to outlive the search.

        Raises InternalError on a model library of another ABI, MemoryError, NoCompiler, CompileFailed.
        """
        if portable is None:
            portable = bool(os.environ.get("EOI_PORTABLE"))
        padding = np.zeros_like(shape.mask) if shape.padding is None else shape.padding
        words = [np.ascontiguousarray(w, np.uint64) for w in (shape.mask, shape.frozen, padding)]
        assert len({w.shape for w in words}) == 1 and words[0].ndim == 1
        self.shape = shape
        self.words8 = len(shape.mask)
        self.keep_edges = keep_edges
        self.initial = 0
        self._model, self._frozen, self._complete = model, False, False
        self._flags, self._large, self._threads = engine_flags, False, 1
        self._room: tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_uint16]] | None = None
        self._library = best_engine(engine_flags)
        sizes = (self.words8, shape.max_successors, shape.labels, shape.n_atoms, shape.n_edge_atoms)
        description = _described(model)
        for name, word in zip(("mask", "frozen", "padding"), words, strict=True):
            setattr(description, name, word.ctypes.data)
        for name, size in zip(SIZES, (*sizes, keep_edges, portable, shape.marks), strict=True):
            setattr(description, name, size)
        description.orbits = ctypes.addressof(orbits) if orbits is not None else None
        self._engine = self._library.engine_new(ctypes.byref(description))
        if not self._engine:
            raise MemoryError("no memory for the search engine")

    def __del__(self) -> None:
        if getattr(self, "_engine", None):
            self._library.engine_free(self._engine)

    def _view(self) -> CView:
        return CView.from_address(self._library.engine_view(self._engine))

    def add_initial(self, state: bytes) -> int:
        """Add an unpacked state (words8 * 8 bytes) before the first run; returns its id.

        Raises ValueError if a bit outside mask and padding differs from `frozen`, MemoryError.
        """
        assert len(state) == self.words8 * 8 and not self._frozen and self._view().levels == 0
        status = SearchStatus(self._library.engine_add_initial(self._engine, state))
        if status is SearchStatus.FAULT:
            raise ValueError("initial state: a bit that is not stored differs from its frozen value")
        if status is not SearchStatus.RUNNING:
            raise MemoryError("no memory for the initial states")
        self.initial = self._view().states
        found = self.find(state)
        assert found is not None
        return found

    def run(
        self,
        on_progress: Callable[[Stats], None] | None = None,
        max_states: int | None = None,
        max_bytes: int | None = None,
        seconds: float | None = None,
        whole: Callable[[], ctypes.CDLL] | None = None,
        threads: int = 1,
    ) -> Outcome:
        """Explore until done or a limit; may be called again with other limits, and then goes on.

        States end at most one batch past max_states, the same on every machine. on_progress is called
        every ~50 ms and may raise KeyboardInterrupt to stop. whole: makes the library of the same program as a whole, to
        go on with once the search has BORDER states. threads: how many search together from there on, if they have such a
        library; what they find, and its numbers, are those of one. Raises InternalError on a broken model
        library, ValueError without an initial state, RuntimeError after an array was taken.
        """
        if self._frozen:
            raise RuntimeError("the search cannot go on after one of its arrays was taken")
        if not self.initial:
            raise ValueError("no initial state")
        try:
            return self._run(on_progress, max_states, max_bytes, seconds, whole, threads)
        except KeyboardInterrupt:
            return Outcome.INTERRUPTED

    def _run(
        self,
        on_progress: Callable[[Stats], None] | None,
        max_states: int | None,
        max_bytes: int | None,
        seconds: float | None,
        whole: Callable[[], ctypes.CDLL] | None,
        threads: int,
    ) -> Outcome:
        limits = (UNLIMITED if max_states is None else max_states, UNLIMITED if max_bytes is None else max_bytes)
        batches = 16
        start = last = time.monotonic()
        while True:
            if not self._large and self._view().states >= BORDER:
                self._make_large(whole)
            if self._large and threads != self._threads:
                self._library.engine_threads(self._engine, threads)
                self._threads = threads
            status = SearchStatus(self._library.engine_run(self._engine, batches, *limits))
            now = time.monotonic()
            batches = max(1, batches // 2) if now - last > CHUNK_SECONDS / 2 else batches * 2
            if on_progress:
                on_progress(self.stats())
            if status is SearchStatus.BROKEN_MODEL:
                raise InternalError("the model library broke its own max_successors or label count")
            if status is not SearchStatus.RUNNING:
                self._complete = status is SearchStatus.DONE
                return _OUTCOMES[status]
            if seconds is not None and now - start >= seconds:
                return Outcome.TIME_LIMIT
            last = time.monotonic()

    def _make_large(self, whole: Callable[[], ctypes.CDLL] | None) -> None:
        """Go on with what takes longer to compile and less to run: another engine, and the program as a whole."""
        self._large = True
        self._library = large_engine(self._view().words32, self._flags)
        if whole:
            self._model = whole()
            self._library.engine_go_on_whole(self._engine, ctypes.byref(_described(self._model)))

    def marks_of_others(self) -> U8:
        """u8[marks]: what the steps noted that other threads than the caller's took, since this was asked last."""
        found = np.zeros(self.shape.marks, np.uint8)
        self._library.engine_marks(self._engine, found.ctypes.data)
        return found

    # ---- to be gone on with elsewhere: see checkpoint.py ----

    def counts(self) -> dict[str, int]:
        v = self._view()
        return {"expanded": v.expanded, "states": v.states, "transitions": v.transitions, "levels": v.levels}

    def sizes_of(self, counts: Mapping[str, int]) -> dict[str, int]:
        """The bytes of each array that only grows, in a search with these counts."""
        states, edges, rows = counts["states"], counts["transitions"], counts["expanded"] + 1
        sizes = {"keys": 4 * states * self._view().words32, "parent": 4 * states, "level_end": 4 * counts["levels"]}
        return sizes | ({"row": 8 * rows, "target": 4 * edges, "label": 2 * edges} if self.keep_edges else {})

    def memory(self, name: str, size: int) -> U8:
        """One of these arrays, until the search goes on."""
        shape = (size,)
        return (
            np.asarray(_Memory(self, getattr(self._view(), name), shape, "|u1")) if size else np.zeros(shape, np.uint8)
        )

    def small(self) -> dict[str, U8]:
        """What else there is to keep, as bytes."""
        found: list[NDArray[Any]] = [self.label_counts(), self.first_states(), self.first_edges()]
        names = ("label_count", "first", "first_edge")
        return {name: np.frombuffer(of.tobytes(), np.uint8) for name, of in zip(names, found, strict=True)}

    def spill(self, folder: Path | None, max_bytes: int) -> None:
        """From now on, what max_bytes of a run has no room for goes to files without a name in this folder, of so many bytes in
        all. None: to none."""
        if not self._library.engine_spill(self._engine, os.fsencode(folder) if folder else None, max_bytes):
            raise MemoryError("no memory for the name of a folder")

    def restore(self, counts: Mapping[str, int], arrays: Mapping[str, U8], max_bytes: int | None = None) -> None:
        """Go to where a search of the same model was that had these counts and arrays. max_bytes: see run. Raises MemoryError."""
        held = {name: np.ascontiguousarray(of) for name, of in arrays.items()}
        view = CView(**counts, **{name: of.ctypes.data for name, of in held.items()})
        limit = UNLIMITED if max_bytes is None else max_bytes
        if (
            SearchStatus(self._library.engine_restore(self._engine, ctypes.byref(view), limit))
            is not SearchStatus.RUNNING
        ):
            raise MemoryError("no memory for what the checkpoint has")

    # ---- a part of a search: see partition.py ----

    def empty(self) -> None:
        """Forget the initial states: they come as any other."""
        counts = dict.fromkeys(self.counts(), 0)
        self.restore(counts, {**self.small(), "row": np.zeros(8, np.uint8)})

    def go_whole(self, whole: Callable[[], ctypes.CDLL]) -> None:
        """Go on as a large search does."""
        self._make_large(whole)

    def part_of(self, keys: U32, parts: int) -> U32:
        """u32[keys]: which part has each of these packed states."""
        found = np.empty(len(keys), np.uint32)
        self._library.engine_part_of(self._engine, keys.ctypes.data, len(keys), parts, found.ctypes.data)
        return found

    def expand(self, first: int, count: int, parts: int) -> tuple[U32, U16, U32, U32] | None:
        """Of so many states from this id on: the packed successors, labels, parts, and where those of each state end. None if
        a successor cannot be kept."""
        room, words = count * self.shape.max_successors + 1, self._view().words32
        keys, labels = np.empty((room, words), np.uint32), np.empty(room, np.uint16)
        part, end = np.empty(room, np.uint32), np.empty(count, np.uint32)
        out = (of.ctypes.data for of in (keys, labels, part, end))
        if self._library.engine_expand(self._engine, first, count, parts, *out) < count:
            return None
        total = int(end[-1])
        return keys[:total].copy(), labels[:total].copy(), part[:total].copy(), end

    def insert(self, keys: U32, parents: U32, max_bytes: int | None) -> U32 | None:
        """u32[keys]: the ids of packed states, which are new in this order. None if there is no room."""
        found, limit = np.empty(len(keys), np.uint32), UNLIMITED if max_bytes is None else max_bytes
        given = keys.ctypes.data, parents.ctypes.data, len(keys), limit, found.ctypes.data
        status = SearchStatus(self._library.engine_insert(self._engine, *given))
        return found if status is SearchStatus.RUNNING else None

    def stats(self) -> Stats:
        v = self._view()
        return Stats(v.states, v.expanded, v.transitions, v.levels, v.bytes, v.table_bytes, disk_bytes=v.disk_bytes)

    @property
    def fault(self) -> Fault:
        """The step that made the last run return FAULT."""
        v = self._view()
        return Fault(v.fault_src, v.fault_label, bool(v.fault_stray))

    # ---- copies: safe at any time ----

    def _copy(self, address: int | None, shape: tuple[int, ...], kind: str) -> NDArray[np.generic]:
        return np.array(_Memory(self, address, shape, kind)) if 0 not in shape and address else np.zeros(shape, kind)

    def level_ends(self) -> U32:
        """u32[depth]: one past the last state id of each level."""
        v = self._view()
        return self._copy(v.level_end, (v.levels,), "<u4").astype(np.uint32)

    def label_counts(self) -> U64:
        """u64[labels]: how many transitions each label made."""
        return self._copy(self._view().label_count, (self.shape.labels,), "<u8").astype(np.uint64)

    def first_states(self) -> U32:
        """u32[2, n_atoms]: [v, a] is the first state, of those expanded, where atom a is v; or NONE."""
        return self._copy(self._view().first, (2, self.shape.n_atoms), "<u4").astype(np.uint32)

    def first_edges(self) -> U32:
        """u32[2, n_edge_atoms, 3]: [v, a] is the first transition (src, label, dst) where edge atom a is v."""
        return self._copy(self._view().first_edge, (2, self.shape.n_edge_atoms, 3), "<u4").astype(np.uint32)

    def state(self, number: int) -> bytes:
        """The unpacked state (words8 * 8 bytes) with this id."""
        assert 0 <= number < self._view().states
        buffer = ctypes.create_string_buffer(self.words8 * 8)
        self._library.engine_state(self._engine, number, buffer)
        return buffer.raw

    def find(self, state: bytes) -> int | None:
        """The id of an unpacked state, or None if the search has not met it."""
        assert len(state) == self.words8 * 8
        number: int = self._library.engine_find(self._engine, state)
        return None if number == NONE else number

    def successors(self, state: bytes) -> list[tuple[int, bytes]]:
        """(label, unpacked successor) for every enabled step; a label with bit 0x8000 is a fault."""
        assert len(state) == self.words8 * 8
        if self._room is None:
            room = self.shape.max_successors
            self._room = ctypes.create_string_buffer(room * len(state) + 1), (ctypes.c_uint16 * (room + 1))()
        out, labels = self._room
        count, size = self._library.engine_successors(self._engine, state, out, labels), len(state)
        raw = memoryview(out)[: count * size].tobytes()
        return [(labels[k], raw[k * size : (k + 1) * size]) for k in range(count)]

    def differs(self, mine: Linked, other: Linked, frozen: U64) -> bool:
        """Is there a stored state in which the steps of `mine`, some of this model's, do something else than those of the
        other, whose state lies the same way but is frozen so?"""
        states, ends = self._view().states, [ctypes.byref(of.c) for of in (mine, other)]
        for start in range(0, states, 1 << 16):  # in chunks, so that Ctrl-C is heard
            stop = min(start + (1 << 16), states)
            if self._library.engine_differs(self._engine, *ends, frozen.ctypes.data, start, stop):
                return True
        return False

    def notices(
        self, moves: Linked, renamings: int, start: int, stop: int, found: ctypes.Array[ctypes.c_uint32]
    ) -> bool:
        """Is one of these moves of this model, from a state start <= id < stop, not the same from the state renamed by one of the
        first renamings? found: the state, the renaming and the label. Of a search of representatives."""
        for first in range(start, stop, 1 << 16):  # in chunks, so that Ctrl-C is heard
            end = min(first + (1 << 16), stop)
            if self._library.engine_notices(self._engine, ctypes.byref(moves.c), renamings, first, end, found):
                return True
        return False

    def stands_for(self) -> int:
        """How many states those of a search of representatives stand for."""
        return int(self._library.engine_stands_for(self._engine, 0, self._view().states))

    def eval_atoms(self, atoms: Sequence[int]) -> U8:
        """u8[len(atoms), states]: the value (0 or 1) of each atom in each stored state."""
        v = self._view()
        chosen = np.asarray(atoms, np.uint32)
        assert all(0 <= a < self.shape.n_atoms for a in atoms)
        values = np.empty((len(chosen), v.states), np.uint8)
        for start in range(0, v.states, 1 << 18):  # in chunks, so that Ctrl-C is heard
            stop = min(start + (1 << 18), v.states)
            out = (chosen.ctypes.data, len(chosen), start, stop, values.ctypes.data, v.states)
            self._library.engine_eval_atoms(self._engine, *out)
        return values

    def eval_edges(self) -> U64:
        """u64[edges, words]: of each edge of the graph, what the formulas of steps say: formula a is bit a % 64 of word a // 64."""
        graph, words = self.graph(), -(-self.shape.n_edge_atoms // 64)
        said = np.zeros((len(graph.target), words), np.uint64)
        for start in range(0, graph.n if words else 0, 1 << 16):  # in chunks, so that Ctrl-C is heard
            stop, at = min(start + (1 << 16), graph.n), int(graph.row[start])
            self._library.engine_eval_edges(self._engine, start, stop, said[at:].ctypes.data)
        return said

    def atoms_at(self, number: int) -> U8:
        """u8[n_atoms]: the value of every atom in one stored state."""
        assert 0 <= number < self._view().states
        count = self.shape.n_atoms
        chosen, values = np.arange(count, dtype=np.uint32), np.empty(count, np.uint8)
        at = values.ctypes.data - number  # where the answers of state 0 would lie
        self._library.engine_eval_atoms(self._engine, chosen.ctypes.data, count, number, number + 1, at, 1)
        return values

    def path_to(self, number: int) -> list[int]:
        """State ids of a shortest path from an initial state to this one.

        Raises CorruptParents if the chain of parents is not one that a search can leave.
        """
        v = self._view()
        assert 0 <= number < v.states and v.parent is not None
        parent = ctypes.cast(v.parent, ctypes.POINTER(ctypes.c_uint32))
        ends = self.level_ends()
        longest = len(ends) + int(len(ends) > 0 and number >= ends[-1])  # in states; the last level may be open
        path = [number]
        while path[-1] >= self.initial:
            before = parent[path[-1]]
            if before >= path[-1] or len(path) >= longest:
                raise CorruptParents(f"state {path[-1]} claims parent {before} at {len(path)} steps from {number}")
            path.append(before)
        if parent[path[-1]] != NONE:
            raise CorruptParents(f"initial state {path[-1]} claims parent {parent[path[-1]]}")
        return path[::-1]

    # ---- views: taking one ends the search ----

    def _share(self, address: int | None, shape: tuple[int, ...], kind: str) -> NDArray[np.generic]:
        self._frozen = True
        return np.asarray(_Memory(self, address, shape, kind)) if 0 not in shape else np.zeros(shape, kind)

    def packed(self) -> U32:
        """u32[states, words32]: all packed states."""
        v = self._view()
        return self._share(v.keys, (v.states, v.words32), "<u4").view(np.uint32)

    def parents(self) -> U32:
        """u32[states]: the state each state was first reached from, NONE for initial ones."""
        v = self._view()
        return self._share(v.parent, (v.states,), "<u4").view(np.uint32)

    def graph(self) -> Graph:
        """The whole reachable graph. Raises RuntimeError unless edges were kept and the search is complete."""
        if not (self.keep_edges and self._complete):
            raise RuntimeError("the graph exists only after a complete search that keeps edges")
        v = self._view()
        return Graph(
            self._share(v.row, (v.states + 1,), "<u8").view(np.uint64),
            self._share(v.target, (v.transitions,), "<u4").view(np.uint32),
            self._share(v.label, (v.transitions,), "<u2").view(np.uint16),
            self.initial,
        )
