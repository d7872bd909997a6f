"""The reference explorer: slow and obvious. It runs the model's methods in CPython, and nothing else.

Every engine is compared with it. It knows no IR, no layout and no generated code: a state is the tuple of
the codes of the design's cells, in the order in which model.lang.cells walks them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from checker.engine.passages import tracing, users_files
from checker.engine.running import Codes, Running
from checker.language.source import type_hints
from model.finite import RangeError, StructType, TableType, decode, size
from model.lang import Design, Disabled, Fair, Property, Scope, resolve

OWED = (Fair.WEAK, Fair.STRONG)
Value: TypeAlias = int | Enum | None  # of a parameter: a bool is an int


@dataclass(frozen=True)
class Move:
    """A step instance: a step with Python values for its parameters."""

    step: str
    args: tuple[Value, ...]
    fair: Fair


@dataclass
class Explored:
    """The reachable graph. edges[i] = (source id, move number, target id), ids in breadth-first order.

    stopped: None if everything was visited, else "states", "time", "memory" or "fault". fault: (state id, move
    number) of a step that stored out of range; `error` is what CPython said.
    """

    states: list[Codes] = field(default_factory=list[Codes])
    edges: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    parents: list[int] = field(default_factory=list[int])
    depth: list[int] = field(default_factory=list[int])
    stopped: str | None = None
    fault: tuple[int, int] | None = None
    error: RangeError | None = None


@functools.lru_cache(maxsize=4096)
def parameter_values(function: Callable[..., Any], scope: Scope, skip: int) -> Sequence[tuple[Value, ...]]:
    """Every combination of values for the parameters after the first `skip`, last one fastest."""
    return list(itertools.product(*_columns(function, scope, skip)))


def _columns(function: Callable[..., Any], scope: Scope, skip: int) -> list[list[Value]]:
    hints = type_hints(function)
    hints.pop("return", None)
    names = function.__code__.co_varnames[skip : function.__code__.co_argcount]
    columns = list[list[Value]]()
    for name in names:
        of = resolve(hints[name], scope, name)
        assert not isinstance(of, StructType | TableType), name
        columns.append([decode(of, code) for code in range(size(of))])
    return columns


class Reference:
    """One system at one scope, run in CPython."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        self.design, self.scope = design, scope
        self.system = design(scope)
        with tracing(users_files(design)) as self.lines_of_initial:
            self.system.initial()
        self._running = Running(self.system)
        self.start: Codes = self._running.save()
        self._before: Running | None = None  # a second one, in the state before a step

    @functools.cached_property
    def moves(self) -> list[Move]:
        """All that there are: at 64 vCPUs, pins and vectors millions, for which who takes a known run does not ask."""
        return self._moves_of(tuple(Fair))

    @functools.cached_property
    def owed_moves(self) -> list[Move]:
        """Those that are WEAK or STRONG: of a vCPU mostly, so there are few at any size."""
        return self._moves_of(OWED)

    def how_many_owed(self) -> int:
        """Without making them: of a step with four arguments there are millions at 64 vCPUs, pins and vectors."""
        owed = [getattr(self.design, name) for name, info in self.design.steps().items() if info.fair in OWED]
        return sum(math.prod(map(len, _columns(function, self.scope, skip=1))) for function in owed)

    def _moves_of(self, fair: Container[Fair]) -> list[Move]:
        return [
            Move(name, args, info.fair)
            for name, info in self.design.steps().items()
            if info.fair in fair
            for args in parameter_values(getattr(self.design, name), self.scope, skip=1)
        ]

    def successor(self, state: Codes, move: Move) -> Codes | None:
        """The state after a move, None if it is disabled. Raises RangeError if it stores out of range."""
        running = self._running
        if running.state is not state:
            running.go_to(state)
        running.state = None
        try:
            getattr(self.system, move.step)(*move.args)
        except Disabled:  # `require` comes before the first write on every path: nothing was changed
            running.state = state
            return None
        return running.save()

    def go_to(self, state: Codes) -> None:
        """Most moves of a state are disabled: what they leave as it was is not loaded again."""
        self._running.go_to(state)

    def successors(self, state: Codes) -> Iterator[tuple[int, Codes]]:
        """(move number, next state) for every enabled move, in move order."""
        for number, move in enumerate(self.moves):
            following = self.successor(state, move)
            if following is not None:
                yield number, following

    def explore(self, max_states: int | None = None, watch: Callable[[Explored], str | None] | None = None) -> Explored:
        """Breadth-first search from the initial state. `watch` is asked now and then whether to stop, and why."""
        graph = Explored([self.start], parents=[0], depth=[0])
        ids = {self.start: 0}
        source = 0
        while source < len(graph.states) and graph.stopped is None:
            if watch is not None and source % 64 == 0:
                graph.stopped = watch(graph)
            if max_states is not None and len(ids) > max_states:
                graph.stopped = "states"
            if graph.stopped is None:
                self._expand(graph, ids, source)
            source += 1
        return graph

    def _expand(self, graph: Explored, ids: dict[Codes, int], source: int) -> None:
        for number, move in enumerate(self.moves):
            try:
                following = self.successor(graph.states[source], move)
            except RangeError as error:
                graph.stopped, graph.fault, graph.error = "fault", (source, number), error
                return
            if following is None:
                continue
            target = ids.setdefault(following, len(ids))
            if target == len(graph.states):
                graph.states.append(following)
                graph.parents.append(source)
                graph.depth.append(graph.depth[source] + 1)
            graph.edges.append((source, number, target))

    def holds(self, function: Callable[..., Any], args: Sequence[object], state: Codes) -> Any:
        """What a property's function says of a state: a bool, or (p, q)."""
        self.go_to(state)
        return function(self.system, *args)

    def all_hold(self, asked: Sequence[tuple[Callable[..., Any], Sequence[object]]], state: Codes) -> list[bool]:
        """What each function says of a state for its arguments, (p, q) as two: the state is loaded once for all."""
        self.go_to(state)
        system, found = self.system, list[bool]()
        for function, args in asked:
            said = function(system, *args)
            if isinstance(said, tuple):
                found += map(bool, said)
            else:
                found.append(bool(said))
        return found

    def holds_on_edge(self, function: Callable[..., Any], args: Sequence[object], before: Codes, after: Codes) -> bool:
        """What an `always` of two states says of a step."""
        return self.all_hold_on_edge([(function, args)], before, after)[0]

    def all_hold_on_edge(
        self, asked: Sequence[tuple[Callable[..., Any], Sequence[object]]], before: Codes, after: Codes
    ) -> list[bool]:
        """What functions of two states say of a step."""
        if self._before is None:
            self._before = Running(self.design(self.scope))
        self._before.go_to(before)
        self.go_to(after)
        return [bool(function(self._before.system, self.system, *args)) for function, args in asked]


def bindings_of(p: Property, scope: Scope) -> Sequence[tuple[Value, ...]]:
    """Every combination of values for a property's extra parameters."""
    return parameter_values(p.function, scope, skip=2 if is_of_edges(p) else 1)


def is_of_edges(p: Property) -> bool:
    """True for an `always` that takes the system before and after a step."""
    hints = type_hints(p.function)
    names = p.function.__code__.co_varnames[1 : p.function.__code__.co_argcount]
    return bool(names) and isinstance(of := hints[names[0]], type) and issubclass(of, Design)


__all__ = [
    "Codes",
    "Explored",
    "Move",
    "RangeError",
    "Reference",
    "Value",
    "bindings_of",
    "is_of_edges",
    "parameter_values",
]
