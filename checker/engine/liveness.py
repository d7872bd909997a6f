"""Is p always followed by q?  Search a graph for a fair run that says no.

A run may stop for ever in a state that enables no WEAK and no STRONG label; otherwise it goes on, takes
FINITE labels finitely often, takes a WEAK label again and again if it stays enabled for ever, and a STRONG
one if it is enabled again and again.  A label is enabled where an edge carries it, self loops included.
The heavy parts are in graph.c; what comes back is checked edge by edge before anyone sees it.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.engine.build import load_c
from checker.engine.native import NONE, U8, U32, U64, Graph
from checker.errors import InternalError
from model.lang import Fair

_CODES = {Fair.FREE: 0, Fair.FINITE: 1, Fair.WEAK: 2, Fair.STRONG: 3}  # enum Fairness of graph.c
_NO_EDGE = _NO_MEMORY = 2**64 - 1
_NO_PATH = 2**64 - 2
_LONG_CYCLE = 500  # edges; beyond that a cycle is left as found
_TRIES = 200  # loops looked at before a cycle counts as short enough


@dataclass(frozen=True, slots=True)
class Edge:
    src: int
    label: int
    dst: int


@dataclass(frozen=True)
class Lasso:
    """A fair run that breaks p ~> q: `stem` from initial state `start`, then `cycle` for ever.

    trigger: position among the stem's states (0 is `start`) where p and not q holds and q never after.
    An empty cycle means that the run stops for ever at the end of the stem.
    """

    start: int
    stem: list[Edge]
    trigger: int
    cycle: list[Edge]

    def stem_states(self) -> list[int]:
        """All states of the stem, first and last included."""
        return [self.start, *(edge.dst for edge in self.stem)]


class _CGraph(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("row", "target", "label", "fairness")),
        *((name, ctypes.c_uint64) for name in ("n", "labels", "initial")),
    ]


class _CHunt(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("fair", "take", "lack", "via", "queue", "stamp", "path")),
        *((name, ctypes.c_uint32) for name in ("start", "home", "n_lack")),
    ]


def graph_source() -> str:
    """graph.c."""
    return (Path(__file__).parent / "graph.c").read_text()


def load_graph_library(source: str) -> ctypes.CDLL:
    """Compile graph.c (or a variant of it) and declare its functions. Raises as load_c does."""
    library = load_c(source, ("-O2",))
    pointers = {"graph_components": 3, "graph_fair": 3, "graph_stutter": 3, "graph_stem": 6, "graph_hunt": 2}
    for name, count in pointers.items():
        function = getattr(library, name)
        function.argtypes = [ctypes.c_void_p] * count
        function.restype = None if name == "graph_stutter" else ctypes.c_uint64
    return library


@functools.cache
def _shipped_library() -> ctypes.CDLL:
    return load_graph_library(graph_source())


def _pointer(array: NDArray[Any]) -> int:
    assert array.flags.c_contiguous
    return array.ctypes.data


def _checked(result: int) -> int:
    if result == _NO_MEMORY:
        raise MemoryError("no memory for the liveness search")
    return result


class NativeGraph:
    """A graph with fairness, as graph.c sees it. Keeps the arrays alive that C points to."""

    def __init__(self, graph: Graph, fairness: Sequence[Fair], library: ctypes.CDLL | None = None) -> None:
        """Raises ValueError unless `graph` is a well-formed graph whose labels `fairness` covers."""
        row, target, label = graph.row, graph.target, graph.label
        if not (0 < graph.initial <= graph.n < 2**31):
            raise ValueError("liveness needs an initial state and fewer than 2^31 states")
        if row[0] != 0 or row[-1] != len(target) or len(target) != len(label) or bool((row[1:] < row[:-1]).any()):
            raise ValueError("rows do not partition the edges")
        if len(target) and not (target.max() < graph.n and label.max() < len(fairness)):
            raise ValueError("an edge leads outside the graph or carries an unknown label")
        self.graph = graph
        self.fairness = list(fairness)
        self.library = library or _shipped_library()
        codes = np.array([_CODES[fair] for fair in fairness], np.uint8)
        self._arrays: list[NDArray[Any]] = [
            np.ascontiguousarray(row, np.uint64),
            np.ascontiguousarray(target, np.uint32),
            np.ascontiguousarray(label, np.uint16),
            codes,
        ]
        self.struct = _CGraph(*(_pointer(array) for array in self._arrays), graph.n, len(fairness), graph.initial)

    def components(self, region: U8) -> U32:
        """u32[n]: equal for states of `region` strongly connected within it without FINITE edges; 0 outside."""
        component = np.empty(self.graph.n, np.uint32)
        _checked(self.library.graph_components(ctypes.byref(self.struct), _pointer(region), _pointer(component)))
        return component

    def fair_sets(self, region: U8) -> U32:
        """u32[n]: the number of the largest fair strongly connected set of `region` around a state, or NONE."""
        fair = np.empty(self.graph.n, np.uint32)
        _checked(self.library.graph_fair(ctypes.byref(self.struct), _pointer(region), _pointer(fair)))
        return fair

    def stutter(self, region: U8) -> U8:
        """u8[n]: 1 for the states of `region` where a run may stop for ever."""
        stutter = np.empty(self.graph.n, np.uint8)
        self.library.graph_stutter(ctypes.byref(self.struct), _pointer(region), _pointer(stutter))
        return stutter

    def shortest_stem(self, trigger: U8, region: U8, goal: U8) -> tuple[list[Edge], int] | None:
        """A shortest path from an initial state to a goal, through a trigger and then inside `region`,
        and the state where it ends; None if there is none. All arguments are u8[n]."""
        path = np.empty(2 * self.graph.n + 1, np.uint64)
        end = ctypes.c_uint32()
        masks = (_pointer(trigger), _pointer(region), _pointer(goal))
        length = _checked(self.library.graph_stem(ctypes.byref(self.struct), *masks, _pointer(path), ctypes.byref(end)))
        return None if length == _NO_PATH else (self.edges(path[:length]), end.value)

    def edges(self, numbers: U64) -> list[Edge]:
        """Edges by their positions in the arrays."""
        graph = self.graph
        sources = np.searchsorted(graph.row, numbers, side="right") - 1
        return [
            Edge(int(src), int(graph.label[e]), int(graph.target[e])) for src, e in zip(sources, numbers, strict=True)
        ]


class _CycleBuilder:
    """Builds a cycle inside one fair set, always walking to the nearest thing still owed."""

    def __init__(self, native: NativeGraph, fair: U32) -> None:
        n, labels = native.graph.n, len(native.fairness)
        self.native, self.fair = native, fair
        self.weak = {a for a, f in enumerate(native.fairness) if f is Fair.WEAK}
        self.strong = {a for a, f in enumerate(native.fairness) if f is Fair.STRONG}
        self.known: dict[int, set[int]] = {}
        self.via: U64 = np.full(n, _NO_EDGE, np.uint64)
        self.queue: U32 = np.empty(n, np.uint32)
        self.path: U64 = np.empty(n + 1, np.uint64)
        self.stamp: U32 = np.empty(labels + 1, np.uint32)

    def enabled(self, state: int) -> set[int]:
        if state not in self.known:
            first, last = self.native.graph.row[state : state + 2].tolist()
            self.known[state] = set(self.native.graph.label[first:last].tolist())
        return self.known[state]

    def owed(self, start: int, walk: Sequence[Edge]) -> tuple[set[int], set[int]]:
        """Labels a closed walk must still take, and those of them it may instead see disabled once."""
        offers = [self.enabled(s) for s in {start, *(edge.dst for edge in walk)}]
        taken = {edge.label for edge in walk}
        weak = self.weak.intersection(*offers) - taken
        return self.strong.intersection(set[int]().union(*offers)) - taken | weak, weak

    def hunt(self, start: int, home: int, take: set[int], lack: set[int]) -> list[Edge]:
        marks = [np.zeros(len(self.native.fairness) + 1, np.uint8) for _ in range(2)]
        marks[0][list(take)] = 1
        marks[1][list(lack)] = 1
        arrays: tuple[NDArray[Any], ...] = (self.fair, *marks, self.via, self.queue, self.stamp, self.path)
        hunt = _CHunt(*(_pointer(array) for array in arrays), start, home, len(lack))
        length = self.native.library.graph_hunt(ctypes.byref(self.native.struct), ctypes.byref(hunt))
        if length == _NO_PATH:
            raise InternalError(f"a fair set offers no way on from state {start}")
        return self.native.edges(self.path[:length])

    def cycle(self, start: int) -> list[Edge]:
        walk: list[Edge] = []
        at = start
        while True:
            take, lack = self.owed(start, walk)
            if not take and at == start:
                break
            walk += self.hunt(at, NONE if take else start, take, lack)
            at = walk[-1].dst
        return self.shorten(start, walk) if len(walk) <= _LONG_CYCLE else walk

    def shorten(self, start: int, walk: list[Edge]) -> list[Edge]:
        """Drop loops within the cycle that it does not need, longest first."""
        while True:
            states = [start, *(edge.dst for edge in walk)]
            places: dict[int, list[int]] = {}
            for position, state in enumerate(states):
                places.setdefault(state, []).append(position)
            loops = [(i, j) for at in places.values() for k, j in enumerate(at) for i in at[:k]]
            for i, j in sorted(loops, key=lambda loop: loop[0] - loop[1])[:_TRIES]:
                shorter = walk[:i] + walk[j:]
                if shorter and not self.owed(start, shorter)[0]:
                    walk = shorter
                    break
            else:
                return walk


def find_lasso(
    graph: Graph, fairness: Sequence[Fair], p: U8, q: U8, library: ctypes.CDLL | None = None
) -> Lasso | None:
    """A fair run of `graph` in which p (u8[n], 0 or 1) is not followed by q, or None if there is none.

    The stem is as short as any such run's. fairness[label] is what a run owes to a label. Raises
    ValueError on a malformed graph, MemoryError, and InternalError if the answer fails its own check.
    """
    native = NativeGraph(graph, fairness, library)
    if p.shape != (graph.n,) or q.shape != (graph.n,):
        raise ValueError("p and q need one value per state")
    region = np.ascontiguousarray(q == 0, np.uint8)
    trigger = np.ascontiguousarray((p != 0) & (q == 0), np.uint8)
    if not trigger.any():
        return None
    stutter = native.stutter(region)
    fair = native.fair_sets(region)
    goal = np.ascontiguousarray((stutter != 0) | (fair != NONE), np.uint8)
    if not goal.any():
        return None
    found = native.shortest_stem(trigger, region, goal)
    if found is None:
        return None
    stem, end = found
    cycle = [] if stutter[end] else _CycleBuilder(native, fair).cycle(end)
    start = stem[0].src if stem else end
    lasso = Lasso(start, stem, first_trigger([start, *(edge.dst for edge in stem)], p, q), cycle)
    check_lasso(graph, fairness, p, q, lasso)
    return lasso


def first_trigger(states: Sequence[int], p: U8, q: U8) -> int:
    """The first position of a stem where p holds and from which q no longer does. Raises InternalError."""
    after_q = max((i + 1 for i, s in enumerate(states) if q[s]), default=0)
    for position in range(after_q, len(states)):
        if p[states[position]]:
            return position
    raise InternalError("the stem has no state where p holds and q stays false")


def check_lasso(graph: Graph, fairness: Sequence[Fair], p: U8, q: U8, lasso: Lasso) -> None:
    """Raise InternalError unless the lasso is a fair run of the graph that breaks p ~> q.

    Shares nothing with the search: it looks at single edges and at the definition of fairness only.
    """

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise InternalError(f"the lasso is not a fair run that breaks the property: {what}")

    def out_edges(state: int) -> set[Edge]:
        edges = range(int(graph.row[state]), int(graph.row[state + 1]))
        return {Edge(state, int(graph.label[e]), int(graph.target[e])) for e in edges}

    stem = lasso.stem_states()
    require(0 <= lasso.start < graph.initial, "it does not start in an initial state")
    at = lasso.start
    for edge in [*lasso.stem, *lasso.cycle]:
        require(edge.src == at and edge in out_edges(at), f"{edge} is not the next edge of a path")
        at = edge.dst
    require(at == stem[-1], "the cycle does not close")
    require(0 <= lasso.trigger < len(stem) and bool(p[stem[lasso.trigger]]), "p does not hold at the trigger")
    loop = {stem[-1], *(edge.dst for edge in lasso.cycle)}
    require(not any(q[s] for s in [*stem[lasso.trigger :], *loop]), "q holds after the trigger")
    enabled = [{edge.label for edge in out_edges(s)} for s in loop]
    taken = {edge.label for edge in lasso.cycle}
    for label, fair in enumerate(fairness):
        if fair is Fair.FINITE:
            require(label not in taken, f"FINITE label {label} is taken for ever")
        if fair is Fair.WEAK and label not in taken:
            require(not all(label in labels for labels in enabled), f"WEAK label {label} is starved")
        if fair is Fair.STRONG and label not in taken:
            require(not any(label in labels for labels in enabled), f"STRONG label {label} is starved")
