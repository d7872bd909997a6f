"""One interface to the two engines: generated C (fast), and CPython itself where there is no C compiler.

Both answer the same questions about the reachable graph of one program at one scope. State ids are breadth-first
numbers, so the first state with some value is one that a shortest path reaches.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from checker.engine import liveness, native
from checker.engine.ahead import Ahead
from checker.engine.atoms import Atom, atom_count, atoms
from checker.engine.checkpoint import Checkpoint, Checkpoints, digest_of
from checker.engine.engine_abi import engine_source
from checker.engine.linked import LinkedProgram
from checker.engine.liveness import Edge, Lasso
from checker.engine.native import (
    NONE,
    U8,
    U32,
    U64,
    UNLIMITED,
    Exploration,
    Graph,
    ModelShape,
    NoCompiler,
    Outcome,
    Stats,
)
from checker.engine.orbits import Orbits
from checker.engine.passages import Passage, SourceLine, judging, tracing, users_files
from checker.engine.prepare import Prepared, load_whole
from checker.engine.reference import Codes, Explored, Reference, bindings_of
from checker.engine.spill_folder import default_disk, spill_folder
from checker.errors import InternalError
from checker.language.ir import Program
from checker.language.layout import Layout, instances
from checker.language.renaming import Renaming
from model.finite import RangeError
from model.lang import Design, Fair, Property

Progress = Callable[[Stats], None]
REFERENCE = "checker.engine.liveness_reference"  # and networkx: loaded only where CPython explores
KEPT_VALUES = 1 << 28  # bytes of atoms' values that a search keeps


@dataclass(frozen=True)
class Limits:
    """What a search may use: None is no limit. max_bytes counts everything that the engine allocates, and what it has no room
    for goes to disk, up to max_disk bytes, by None as many as default_disk() says. threads: how many work on a large search
    together; checkpoints: what is wanted of them; on: who works (workers/where.py): nothing but the duration depends on these;
    None: who asks does not care. reduce: what differs only in how rows are numbered may be taken for one state, where that is
    shown to change no answer; who searches all states all the same does what it says, too."""

    max_states: int | None = None
    max_bytes: int | None = None
    seconds: float | None = None
    threads: int | None = field(default=None, compare=False)
    checkpoints: Checkpoints | None = field(default=None, compare=False)
    max_disk: int | None = field(default=None, compare=False)
    reduce: bool = False
    on: str = field(default="", compare=False)


@dataclass(frozen=True)
class RunOfCodes:
    """The states of a run. renaming: what makes of the rows that the search speaks of where the run ends those of the run."""

    codes: list[Codes]
    renaming: Renaming = field(default_factory=Renaming)


class Search(Protocol):
    """A finished (or stopped) exploration."""

    engine: str
    outcome: Outcome

    def stats(self) -> Stats: ...
    def first_state(self, atom: Atom, value: bool) -> int | None: ...
    def first_edge(self, atom: Atom, value: bool) -> Edge | None: ...
    def lasso(self, p: Atom, q: Atom) -> Lasso | None: ...
    def path_to(self, state: int) -> list[int]: ...
    def codes(self, state: int) -> Codes: ...
    def walk(self, states: Sequence[int], last: int | None = None) -> RunOfCodes: ...
    def labels(self, src: Codes, dst: Codes) -> Sequence[int]: ...
    def fired(self) -> list[int]: ...
    def lines_run(self) -> Mapping[SourceLine, bool]: ...
    def fault(self) -> tuple[int, int] | None: ...


class NativeSearch:
    """Breadth-first search by the C engine over the program's generated code."""

    engine = "native"
    # First states and edges, once they are asked for, until the search goes on.
    _first: U32 | None = None
    _first_edges: U32 | None = None
    _threads = 1
    _ahead: Ahead[tuple[int, int], Lasso | None] | None = None
    _marks_elsewhere: U8 | None = None  # what others noted, whose search it goes on with

    def __init__(
        self, program: Program, reference: Reference, *, keep_edges: bool,
        prepared: Prepared | None = None, noted: Sequence[Passage] = (), without: Collection[str] = (),
        orbits: Orbits | None = None,
    ) -> None:  # fmt: skip
        """Compiles the program as a whole (cached) unless it was prepared. reference: its system in CPython. noted: passages
        of it that a search notes. without: steps that are never taken; the program is a prepared one then. orbits: see quotient.py.

        Raises NoCompiler, CompileFailed.
        """
        self.layout = Layout(program)
        self.fairness = fairness_of(program, reference.design)
        self._frozen = np.array(self.layout.frozen(reference.scope.choices()), np.uint64)
        count = len(self.fairness)
        shape = ModelShape(
            np.array(self.layout.masks(), np.uint64), self._frozen, count, count,
            atom_count(program, False), atom_count(program, True), marks=len(noted),
        )  # fmt: skip
        self._noted, self._marks = noted, np.zeros(len(noted), np.uint8)
        self._linked_program = prepared.linked() if prepared else None
        steps = [n for n, step in enumerate(program.steps) if step.name not in without] if without else None
        self._linked = self._linked_program.start(steps) if self._linked_program else None
        self._whole = prepared is not None and not without
        if program.steps and not program.functions and prepared is None:
            raise InternalError(
                "a program from the cache has no functions: it is searched as prepared, or lowered again"
            )
        self._library = None if prepared else load_whole(program, noted)
        model, self._orbits = self._linked or self._library, orbits
        assert model is not None
        self.exploration = Exploration(model, shape, keep_edges=keep_edges, orbits=orbits.c if orbits else None)
        self._prepared = prepared
        self._by_initial = reference.lines_of_initial
        self.exploration.add_initial(self._raw(reference.start))
        self.outcome = Outcome.INTERRUPTED
        self._graph: Graph | None = None
        self._live = [atom.bit for atom in atoms(program) if program.formulas[atom.formula].kind == "leads_to"]
        self._values: dict[int, U8] = {}
        self._lassos: dict[tuple[int, int], Lasso | None] = {}

    def run(self, limits: Limits, on_progress: Progress | None) -> Outcome:
        self._take_marks()  # of who used the library in this thread before
        self._first = self._first_edges = None
        self._threads = limits.threads or 1
        # Not kept by the exploration, which would then keep this: what holds much memory should not wait for gc.
        whole = self._go_on_whole if self._whole else None
        self._spill(limits)
        kept = self._checkpoint(limits)
        watch = functools.partial(self._tell, on_progress, kept, self.stats()) if on_progress or kept else None
        bounds = limits.max_states, limits.max_bytes, limits.seconds
        self.outcome = self.exploration.run(watch, *bounds, whole, limits.threads or 1)
        self._marks |= self._take_marks()
        if self._marks_elsewhere is not None:
            self._marks |= self._marks_elsewhere
        if kept:
            kept.end(self.exploration, self._marks, complete=self.outcome in (Outcome.COMPLETE, Outcome.FAULT))
        return self.outcome

    def _spill(self, limits: Limits) -> None:
        """Say where to put what memory has no room for. Raises UserError."""
        if limits.max_bytes is None:  # what lies on disk already may grow
            self.exploration.spill(None, UNLIMITED)
            return
        most = default_disk() if limits.max_disk is None else limits.max_disk
        self.exploration.spill(spill_folder() if most else None, most)

    def take_over(self, counts: Mapping[str, int], arrays: Mapping[str, U8], marks: U8) -> None:
        """Go to where a search of the same system was, which others did. Raises MemoryError."""
        self.exploration.restore(counts, arrays)
        self._marks_elsewhere = marks

    def begin_part(self, *, large: bool) -> None:
        """Be a part of a search, whose states come one by one."""
        self._take_marks()
        self.exploration.empty()
        if large and self._whole:
            self.exploration.go_whole(self._go_on_whole)

    def marks_so_far(self) -> U8:
        """Of the notes that its part of a search made."""
        self._marks |= self._take_marks()
        return self._marks.copy()

    def _checkpoint(self, limits: Limits) -> Checkpoint | None:
        """Of this search, which is where the one is that is to be resumed. None if it is not to be kept, or has no name. Raises
        UserError."""
        wanted = limits.checkpoints
        self._marks = np.zeros(len(self._noted), np.uint8)
        if wanted is None or self._prepared is None or self._prepared.path is None or not self._whole:
            return None
        about = self.exploration.state(0) + bytes([self.exploration.keep_edges]) + engine_source().encode()
        about += self._orbits.digest() if self._orbits else b""
        kept = Checkpoint(digest_of(self._prepared.path.name, about), wanted)
        marks = kept.resume(self.exploration, limits.max_bytes) if self.exploration.stats().expanded == 0 else None
        if marks is not None:
            self._marks |= marks
        return kept

    def _tell(self, on_progress: Progress | None, kept: Checkpoint | None, before: Stats, stats: Stats) -> None:
        if kept and kept.is_due():
            self._marks |= self._take_marks()
            kept.save(self.exploration, self._marks)
        if on_progress is None:
            return
        ends = tuple(map(int, self.exploration.level_ends()))
        on_progress(replace(stats, level_ends=ends, found_before=(before.states, before.expanded)))

    def _go_on_whole(self) -> ctypes.CDLL:
        assert self._prepared is not None
        self._library = self._prepared.whole()
        self._take_marks()  # of who used the library in this thread before
        return self._library

    def _take_marks(self) -> U8:
        if not self._noted:  # whatever its program notes
            return np.zeros(0, np.uint8)
        marks = self._linked.marks() if self._linked else np.zeros(len(self._noted), np.uint8)
        if self._library:
            of_library = (ctypes.c_uint8 * len(self._noted))()
            self._library.eoi_marks(of_library)
            marks |= np.array(of_library, np.uint8) | self.exploration.marks_of_others()
        return marks

    def lines_run(self) -> Mapping[SourceLine, bool]:
        """Each line of the user's files: did initial() or a step of the last run run it? Of a function that properties alone
        call: did one evaluate it?"""
        entered = [passage for passage, mark in zip(self._noted, self._marks, strict=True) if mark]
        ran, judged = (
            {(line.file, line.number) for passage in entered for line in passage.lines if line.asked is asked}
            for asked in (False, True)
        )
        return _lines_run(self._noted, ran | self._by_initial, judged)

    def stats(self) -> Stats:
        return self.exploration.stats()

    def first_states(self) -> U32:
        """u32[2, atoms of states]: where each value was first seen, on which the verdicts rest."""
        if self._first is None:
            self._first = self.exploration.first_states()
        return self._first

    def first_state(self, atom: Atom, value: bool) -> int | None:
        number = int(self.first_states()[int(value), atom.bit])
        return None if number == NONE else number

    def first_edge(self, atom: Atom, value: bool) -> Edge | None:
        if self._first_edges is None:
            self._first_edges = self.exploration.first_edges()
        src, label, dst = map(int, self._first_edges[int(value), atom.bit])
        return None if src == NONE else Edge(src, label, dst)

    def lasso(self, p: Atom, q: Atom) -> Lasso | None:
        pair = p.bit, q.bit
        if pair not in self._lassos:
            self._unpack()
            self._lassos[pair] = self._ahead.get(pair) if self._ahead else self._find_lasso(pair)
        return self._lassos[pair]

    def _unpack(self) -> None:
        """Unpack a state once for all that is asked of it, where there is room; then several can be answered together."""
        n = self.graph().n
        if not self._values and len(self._live) * n <= KEPT_VALUES:
            self._values = dict(zip(self._live, self.exploration.eval_atoms(self._live), strict=True))
            if self._threads > 1 and n >= native.BORDER:
                # p and q of a binding stand side by side
                pairs = list(zip(self._live[::2], self._live[1::2], strict=True))
                self._ahead = Ahead(self._find_lasso, pairs, self._threads)

    def _find_lasso(self, pair: tuple[int, int]) -> Lasso | None:
        found = self._values or dict(zip(pair, self.exploration.eval_atoms(pair), strict=True))
        return liveness.find_lasso(self.graph(), self.fairness, found[pair[0]], found[pair[1]])

    def path_to(self, state: int) -> list[int]:
        return self.exploration.path_to(state)

    def codes(self, state: int) -> Codes:
        return self.layout.from_bytes(self.exploration.state(state))

    def walk(self, states: Sequence[int], last: int | None = None) -> RunOfCodes:
        """A run through these states. last: the label of its last step, where it is known; of a search that keeps
        representatives only, see quotient.py."""
        return RunOfCodes([self.codes(state) for state in states])

    def labels(self, src: Codes, dst: Codes) -> list[int]:
        """The moves that lead from one state to another, as the engine sees it."""
        wanted, following = self._raw(dst), self.exploration.successors(self._raw(src))
        return [label for label, state in following if label < len(self.fairness) and state == wanted]

    def number(self, codes: Codes) -> int | None:
        """The state with these codes, or that stands for it, if the search met it."""
        return self.exploration.find(self._raw(codes))

    def _raw(self, codes: Codes) -> bytes:
        """A state as the engine has it."""
        return (np.frombuffer(self.layout.to_bytes(codes), np.uint64) | self._frozen).tobytes()

    def edges(self, state: int) -> list[tuple[int, int | None]]:
        """(label, target) of each edge that leaves a state: of the graph where it is kept, else as the steps are now."""
        if self.exploration.keep_edges and self.outcome is Outcome.COMPLETE:
            graph = self.graph()
            first, last = graph.row[state : state + 2].tolist()
            return list(zip(graph.label[first:last].tolist(), graph.target[first:last].tolist(), strict=True))
        following = self.exploration.successors(self.exploration.state(state))
        return [(label, self.exploration.find(after)) for label, after in following]

    def values(self, state: int) -> list[int]:
        """Of each atom of states, by its bit."""
        return [int(v) for v in self.exploration.atoms_at(state)]

    def answers(self) -> str:
        """A hash of what the search says of each formula, of its size, and of how often each label was taken."""
        of = self.exploration
        found: list[NDArray[Any]] = [self.first_states(), of.first_edges(), of.label_counts(), of.level_ends()]
        stats = of.stats()
        sizes = repr((stats.states, stats.transitions, self.outcome.name)).encode()
        return hashlib.sha256(sizes + b"".join(a.tobytes() for a in found) + self.program_digest()).hexdigest()

    def program_digest(self) -> bytes:
        """Of its program, where it was put together from parts."""
        return self._linked_program.meaning.digest if self._linked_program else b""

    def does_as(self, other: LinkedProgram, frozen: U64, steps: Sequence[int]) -> bool:
        """Do these steps (by number) of another program, whose state lies the same way, do what they do here, in every state
        found so far? frozen: see ModelShape, of the other."""
        assert self._linked_program is not None
        return not self.exploration.differs(self._linked_program.start(steps), other.start(steps), frozen)

    def graph(self) -> Graph:
        if self._graph is None:
            self._graph = self.exploration.graph()
        return self._graph

    def kept_graph(self) -> Graph:
        """See Graph."""
        return self.graph()

    def values_of(self, atom: Atom) -> NDArray[np.bool_]:
        """Of each state."""
        return np.array(self.exploration.eval_atoms([atom.bit])[0], np.bool_)

    def values_of_edges(self, atom: Atom) -> NDArray[np.bool_]:
        """Of each edge of the graph."""
        word, bit = divmod(atom.bit, 64)
        said = self.exploration.eval_edges()[:, word] >> np.uint64(bit) & np.uint64(1)
        return np.array(said, np.bool_)

    def fired(self) -> list[int]:
        return [int(n) for n in self.exploration.label_counts()]

    def fault(self) -> tuple[int, int] | None:
        if self.outcome is not Outcome.FAULT:
            return None
        return self.exploration.fault.src, self.exploration.fault.label


class ReferenceSearch:
    """The reference explorer behind the same interface: slower by three orders of magnitude."""

    engine = "reference"

    def __init__(
        self, program: Program, reference: Reference, properties: Sequence[Property], noted: Sequence[Passage] = ()
    ) -> None:
        self.reference = reference
        self._noted, self._ran = noted, set[tuple[str, int]]()
        self._judged = set[tuple[str, int]]()  # what properties ran
        self.atoms, judge = atoms(program), judging(program)
        self._judge = [formula in judge for formula in program.formulas]
        self.properties = properties
        self.explored = Explored()
        self._table = dict[Atom, bytearray]()
        self._lassos = dict[tuple[Atom, Atom], Lasso | None]()
        self._first_edges: dict[tuple[Atom, bool], Edge] | None = None
        self.outcome = Outcome.INTERRUPTED
        self._fault: tuple[int, int] | None = None

    def run(self, limits: Limits, on_progress: Progress | None) -> Outcome:
        started = time.monotonic()

        def watch(graph: Explored) -> str | None:
            if on_progress is not None:
                on_progress(self._stats_of(graph))
            late = limits.seconds is not None and time.monotonic() - started > limits.seconds
            heavy = limits.max_bytes is not None and self._stats_of(graph).bytes > limits.max_bytes
            return "time" if late else "memory" if heavy else None

        self._table, self._lassos, self._first_edges, self._judged = {}, {}, None, set()
        try:
            with tracing(users_files(self.reference.design)) as self._ran:
                self.explored = self.reference.explore(limits.max_states, watch)
            self.outcome = {
                None: Outcome.COMPLETE, "states": Outcome.STATE_LIMIT, "time": Outcome.TIME_LIMIT,
                "memory": Outcome.MEMORY_LIMIT, "fault": Outcome.FAULT,
            }[self.explored.stopped]  # fmt: skip
        except KeyboardInterrupt:
            self.outcome = Outcome.INTERRUPTED
        self._fault = self.explored.fault
        return self.outcome

    def lines_run(self) -> Mapping[SourceLine, bool]:
        """See NativeSearch. What properties run is known once these were asked."""
        return _lines_run(self._noted, self._ran | self.reference.lines_of_initial, self._judged)

    @contextmanager
    def _judging(self, atom: Atom) -> Iterator[None]:
        """Note what is run while this atom is evaluated, where it counts."""
        counts = self._judge[atom.formula] and any(passage.asked for passage in self._noted)
        with tracing(users_files(self.reference.design) if counts else ()) as ran:
            yield
        self._judged |= ran

    def _stats_of(self, graph: Explored) -> Stats:
        per_state = 8 * len(self.reference.start) + 200  # a tuple of small ints, and its dict entry
        memory = per_state * len(graph.states) + 90 * len(graph.edges)
        return Stats(
            len(graph.states), len(graph.states), len(graph.edges), 1 + max(graph.depth, default=-1), memory, memory
        )

    def stats(self) -> Stats:
        return self._stats_of(self.explored)

    def _values(self, atom: Atom) -> bytearray:
        """An atom of states in each state. A state is loaded once for all atoms."""
        if not self._table:
            of_states = [a for a in self.atoms if not a.of_edges]
            asked = [(a, self.properties[a.formula].function, self._args(a)) for a in of_states]
            self._table = {a: bytearray() for a in of_states}
            for state in self.explored.states:
                for a, function, args in asked:
                    with self._judging(a):
                        value = self.reference.holds(function, args, state)
                    self._table[a].append(bool(value[a.part] if isinstance(value, tuple) else value))
        return self._table[atom]

    def _args(self, atom: Atom) -> tuple[object, ...]:
        same = [a for a in self.atoms if a.formula == atom.formula and a.part == atom.part]
        return bindings_of(self.properties[atom.formula], self.reference.scope)[same.index(atom)]

    def first_state(self, atom: Atom, value: bool) -> int | None:
        found = self._values(atom).find(value)
        return None if found < 0 else found

    def first_edge(self, atom: Atom, value: bool) -> Edge | None:
        if self._first_edges is None:
            self._first_edges = self._seen_on_edges()
        return self._first_edges.get((atom, value))

    def _seen_on_edges(self) -> dict[tuple[Atom, bool], Edge]:
        """The first edge with each value of each atom of steps. An edge is loaded once for all atoms."""
        states, found = self.explored.states, dict[tuple[Atom, bool], Edge]()
        asked = [(a, self.properties[a.formula].function, self._args(a)) for a in self.atoms if a.of_edges]
        for src, label, dst in self.explored.edges if asked else ():
            for a, function, args in asked:
                with self._judging(a):
                    value = self.reference.holds_on_edge(function, args, states[src], states[dst])
                found.setdefault((a, value), Edge(src, label, dst))
            asked = [each for each in asked if (each[0], True) not in found or (each[0], False) not in found]
        return found

    def lasso(self, p: Atom, q: Atom) -> Lasso | None:
        if (p, q) not in self._lassos:
            self._lassos[p, q] = self._find_lasso(p, q)
        return self._lassos[p, q]

    def _find_lasso(self, p: Atom, q: Atom) -> Lasso | None:
        graph = self.kept_graph()
        fairness: list[Fair] = [move.fair for move in self.reference.moves]
        values = [np.frombuffer(self._values(atom), np.uint8) for atom in (p, q)]
        found: Lasso | None = importlib.import_module(REFERENCE).find_lasso(graph, fairness, values[0], values[1])
        return found

    def kept_graph(self) -> Graph:
        n, edges = len(self.explored.states), self.explored.edges
        counts = np.bincount(np.array([e[0] for e in edges], np.int64), minlength=n)
        row = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
        return Graph(row, np.array([e[2] for e in edges], np.uint32), np.array([e[1] for e in edges], np.uint16), 1)

    def values_of(self, atom: Atom) -> NDArray[np.bool_]:
        return np.frombuffer(self._values(atom), np.uint8).astype(np.bool_)

    def values_of_edges(self, atom: Atom) -> NDArray[np.bool_]:
        function, args, states = self.properties[atom.formula].function, self._args(atom), self.explored.states
        said = (self.reference.holds_on_edge(function, args, states[a], states[b]) for a, _, b in self.explored.edges)
        return np.fromiter(said, np.bool_)

    def path_to(self, state: int) -> list[int]:
        path = [state]
        while path[-1] != 0:
            path.append(self.explored.parents[path[-1]])
        return path[::-1]

    def codes(self, state: int) -> Codes:
        return self.explored.states[state]

    def walk(self, states: Sequence[int], last: int | None = None) -> RunOfCodes:
        """See NativeSearch."""
        return RunOfCodes([self.codes(state) for state in states])

    def labels(self, src: Codes, dst: Codes) -> range:
        return range(len(self.reference.moves))

    def fired(self) -> list[int]:
        counts = [0] * len(self.reference.moves)
        for _, label, _ in self.explored.edges:
            counts[label] += 1
        return counts

    def fault(self) -> tuple[int, int] | None:
        return self._fault


def open_search(
    prepared: Prepared, reference: Reference, engine: str, *, without: Collection[str] = (), keep_edges: bool = False
) -> NativeSearch | ReferenceSearch:
    """engine: "native", "reference", or "auto" (native where a C compiler is found). without: steps that are never taken, by
    the reference as it is given, too. keep_edges: also where no leads_to needs them."""
    if engine != "reference":
        try:
            return NativeSearch(
                prepared.program, reference, keep_edges=prepared.live or keep_edges, prepared=prepared,
                noted=prepared.noted, without=without,
            )  # fmt: skip
        except NoCompiler:
            if engine == "native":
                raise
    return ReferenceSearch(prepared.program, reference, prepared.properties, prepared.noted)


def _lines_run(
    noted: Sequence[Passage], ran: Collection[tuple[str, int]], judged: Collection[tuple[str, int]]
) -> dict[SourceLine, bool]:
    """judged: what properties ran, which says something of the functions that these alone call."""
    every = (line for passage in noted for line in passage.lines)
    return {line: (line.file, line.number) in (judged if line.asked else ran) for line in every}


def fairness_of(program: Program, design: type[Design]) -> list[Fair]:
    """What a run owes to each label."""
    steps = design.steps()
    return [steps[i.step].fair for i in instances(program)]


def stop_when(stop: threading.Event, on_progress: Progress | None) -> Progress:
    """A progress callback that ends the search once `stop` is set (Ctrl-C reaches the main thread only)."""

    def progress(stats: Stats) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        if on_progress is not None:
            on_progress(stats)

    return progress


__all__ = ["Limits", "NativeSearch", "Outcome", "RangeError", "ReferenceSearch", "Search", "open_search", "stop_when"]
