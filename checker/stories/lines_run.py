"""Which lines of the model a step runs: every function that it comes to, in the order of their first calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FrameType, FunctionType
from typing import Any

from checker.engine.reference import Value
from model.finite import RangeError
from model.lang import Design, Disabled, Scope, cells, load

Codes = tuple[int, ...]
Ran = Mapping[FunctionType, tuple[int, ...]]  # the functions that a step came to, each with its lines that were run


class StepRunner:
    """One system whose steps are run again from given states. What a step does depends on nothing else, so each is run once."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        self._system = design(scope)
        self._system.initial()
        self._cells = list(cells(self._system))
        self._of = dict(_functions(design))
        self._known = dict[tuple[Codes, str, tuple[Value, ...]], Ran]()

    def ran(self, before: Codes, step: str, args: tuple[Value, ...]) -> Ran:
        """What a step runs in a state, also one that turns out not to be possible there."""
        key = before, step, args
        if key not in self._known:
            load(self._cells, before)
            self._known[key] = self._watched(partial(getattr(self._system, step), *args))
        return self._known[key]

    def _watched(self, take: partial[None]) -> Ran:
        found = dict[FunctionType, set[int]]()

        def watch(frame: FrameType, what: str, _: Any) -> Any:
            function = self._of.get(frame.f_code)
            if function is None:
                return None
            lines = found.setdefault(function, set())
            if what == "line":
                lines.add(frame.f_lineno)
            return watch

        outer = sys.gettrace()
        sys.settrace(watch)
        try:
            take()
        except (Disabled, RangeError):
            pass
        finally:
            sys.settrace(outer)
        return {function: tuple(sorted(lines)) for function, lines in found.items()}


def _functions(design: type[Design]) -> Iterator[tuple[CodeType, FunctionType]]:
    """The code of every method of the model, and of what is nested in it, with the method."""
    for cls in design.__mro__:
        if issubclass(cls, Design) and cls is not Design:
            functions = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
            yield from ((code, function) for function in functions for code in _nested(function.__code__))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _nested(inner)
