"""Which lines of a user's file the explored steps ran: what a verdict has not looked at is told, not passed over.

A *passage* is a run of statements of which either all are executed or none: it begins where a block begins, and after a
statement behind which execution may not go on. The generated C notes each passage that a step enters (cgen.py); the
reference engine notes lines, by Python's own tracing. In a function that steps call, a line that properties alone evaluate
does not count: what the steps do there is not known. A function that no step calls can say something to properties only: of
it the passages count that these entered, in some state that was reached.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.engine.facts import reached
from checker.language.ir import (
    Assign,
    Bind,
    Break,
    Continue,
    Do,
    For,
    Formula,
    Function,
    If,
    Program,
    Require,
    Return,
    Stmt,
    Store,
)
from checker.language.source import parsed
from model.lang import Design, Kind

PACKAGES = ("checker", "model", "properties")  # the project's own
ASKED = ", which properties alone call, and none that was asked evaluates it"


@dataclass(frozen=True, order=True)
class SourceLine:
    """A line of a file, and the function that it is in. uncalled: it is the head of one that nothing comes to. asked: of one
    that properties alone call."""

    file: str
    function: str
    number: int
    uncalled: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Passage:
    """lines: where its statements begin. first: the first of them, by its id (a program keeps its statements alive); 0 for
    a function that no step comes to."""

    lines: frozenset[SourceLine]
    first: int

    @property
    def asked(self) -> bool:
        """Properties are to enter it, as no step can."""
        return any(line.asked for line in self.lines)


def judging(program: Program) -> list[Formula]:
    """The formulas whose answers are verdicts: a witness counts only where nothing else is asked, as it judges nothing."""
    claims = [formula for formula in program.formulas if formula.kind is not Kind.REACHABLE]
    return claims or list(program.formulas)


def passages(program: Program, design: type[Design]) -> list[Passage]:
    """Those of the functions in the user's files: of steps, and of the design's functions that properties alone call."""
    files = users_files(design)
    if not files:
        return []
    run = reached(program.functions, [*(step.name for step in program.steps), "initial"])
    asked = reached(program.functions, [name for formula in judging(program) for name in formula.functions])
    of_steps = {function.name for function in run}
    found = list[Passage]()
    for of in (*run, *(f for f in asked if f.name not in of_steps and _is_method(design, f))):
        if of.loc.file in files:
            found += _in_block(program, of, of.body, asked=of.name not in of_steps)
    called = {(of.loc.file, _short(of)) for of in (*run, *asked)}
    for name, function in inspect.getmembers(design, inspect.isfunction):
        code = function.__code__
        if code.co_filename in files and (code.co_filename, name) not in called and not name.startswith("__"):
            found.append(
                Passage(frozenset({SourceLine(code.co_filename, name, code.co_firstlineno, uncalled=True)}), 0)
            )
    return found


def _short(function: Function) -> str:
    return function.name.rpartition(".")[2]


def _is_method(design: type[Design], function: Function) -> bool:
    """A property of the same file is none, nor is a helper of its own: who asks is not what is asked about."""
    named = [vars(cls).get(_short(function)) for cls in design.__mro__]
    return any(inspect.isfunction(f) and f.__code__.co_filename == function.loc.file for f in named)


def _in_block(program: Program, function: Function, block: Sequence[Stmt], *, asked: bool) -> Iterator[Passage]:
    name, begin = _short(function), 0
    for i, stmt in enumerate(block):
        inner = (stmt.then, stmt.other) if isinstance(stmt, If) else (stmt.body,) if isinstance(stmt, For) else ()
        for other in inner:
            yield from _in_block(program, function, other, asked=asked)
        if i + 1 == len(block) or _may_not_go_on(program, stmt):
            lines = frozenset(SourceLine(s.loc.file, name, s.loc.line, asked=asked) for s in block[begin : i + 1])
            yield Passage(lines, id(block[begin]))
            begin = i + 1


def _may_not_go_on(program: Program, stmt: Stmt) -> bool:
    match stmt:
        case Require() | Return() | Continue() | Break():
            return True
        case Do(function):
            return program.functions[function].guards
        case If(_, then, other):
            return any(_may_not_go_on(program, s) for s in (*then, *other))
        case For(_, _, body):
            return any(_may_not_go_on(program, s) for s in body)
        case Assign() | Bind() | Store():
            return False


def users_files(design: type[Design]) -> frozenset[str]:
    """The files of the system's functions that are not the project's own."""
    of: Any = design
    return _users_files(of)


@functools.lru_cache(maxsize=1024)
def _users_files(design: Any) -> frozenset[str]:
    functions = [
        f for cls in design.__mro__ if issubclass(cls, Design) for f in vars(cls).values() if inspect.isfunction(f)
    ]
    return frozenset(f.__code__.co_filename for f in functions if f.__module__.split(".")[0] not in PACKAGES)


@contextmanager
def tracing(files: Collection[str]) -> Iterator[set[tuple[str, int]]]:
    """Collects (file, line where it begins) of each statement of these files that this thread's Python runs meanwhile."""
    seen = set[tuple[str, int]]()
    begins = dict[tuple[str, str], dict[int, int]]()

    def of_frame(frame: types.FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        if file not in files:
            return None
        if event == "line":
            of = file, str(frame.f_globals["__name__"])
            if of not in begins:
                begins[of] = _beginnings(parsed(*of))
            seen.add((file, begins[of].get(frame.f_lineno, frame.f_lineno)))
        return of_frame

    before = sys.gettrace()
    if files:
        sys.settrace(of_frame)
    try:
        yield seen
    finally:
        if files:
            sys.settrace(before)


@functools.cache
def _beginnings(tree: ast.Module) -> dict[int, int]:
    """Line of a file -> where the innermost statement around it begins."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]  # outer ones come first
    return {n: node.lineno for node in statements for n in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def never_run(of_cells: Sequence[Mapping[SourceLine, bool]]) -> list[SourceLine]:
    """The lines that were run in none of these cells, in order. Of a function that steps run somewhere, these are to run its
    lines; of one that only properties evaluate, wherever they do, these; of others there is the head."""
    ran = {line for lines in of_cells for line, was_run in lines.items() if was_run}
    every = {line for lines in of_cells for line in lines}
    best = dict[tuple[str, str], tuple[bool, bool]]()
    for line in every:
        of, how = (line.file, line.function), (line.uncalled, line.asked)
        best[of] = min(how, best.get(of, how))
    return sorted(line for line in every - ran if (line.uncalled, line.asked) == best[line.file, line.function])


def line_texts(lines: Sequence[SourceLine]) -> list[str]:
    """`mine.py:9-10,14 in kvm_ioapic_send_eoi()`, a text for each function."""
    texts: list[str] = []
    files = {line.file for line in lines}
    names = [Path(file).name for file in files]
    for (file, function, uncalled, asked), group in itertools.groupby(
        lines, lambda line: (line.file, line.function, line.uncalled, line.asked)
    ):
        numbers = [line.number for line in group]
        ends = [n for n in numbers if n + 1 not in numbers]
        ranges = zip([n for n in numbers if n - 1 not in numbers], ends, strict=True)
        said = ",".join(f"{first}-{last}" if first < last else str(first) for first, last in ranges)
        shown = Path(file).name if names.count(Path(file).name) == 1 else file
        where = "no step comes to" if uncalled else "in"
        texts.append(f"{shown}:{said} {where} {function}(){ASKED * asked}")
    return texts
