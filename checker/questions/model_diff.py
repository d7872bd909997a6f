"""What a design changes of the model, as a diff that reads like the C patch: only changed lines of changed functions.

A function is compared with the one that runs in its place in the other design, wherever either is inherited from.
Comments and docstrings are not compared, so restating a function without its comment is no change. A function that
calls super() restates nothing of what it replaces: what it adds is shown around that call.
"""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import io
import re
import tokenize
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from checker.language.source import definition_of, parsed, text_of, type_hints
from model.lang import Design, Index, Struct

# of the report and of which cells there are, not of the model
ABOUT = frozenset({"patch", "source", "lane", "lane_order", "ioapic_lane", "formerly", "scope", "flag_names"})
ABOUT |= {"called", "on_request", "meets", "default_roles", "api_flags", "scope_defaults"}


@dataclass(frozen=True)
class Hunk:
    """The changed lines of one function (or of the fields): each starts with `-`, `+`, or a space (a super() call)."""

    file: str  # the C file that the replaced function stands for; "" for fields and new functions
    name: str
    lines: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(line[0] in "+-" for line in self.lines)


def model_diff(base: type[Design], design: type[Design]) -> list[Hunk]:
    """The hunks between two designs, fields first, then functions in order of their names' first definition."""
    was, now = _fields(base), _fields(design)
    for name in was.keys() & now.keys():
        if was[name].text == now[name].text and was[name].meaning != now[name].meaning:  # equal names of other types
            was[name], now[name] = (Field(f"{f.text}  # {f.meaning}", f.meaning) for f in (was[name], now[name]))
    texts = [[field.text for field in fields.values()] for fields in (was, now)]
    hunks = [Hunk("", "fields", tuple(_changed(*texts)))]
    before, after = _functions(base), _functions(design)
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None or new is None or old[1] is not new[1]:
            file = old[0] if old else ""  # a patch does not say in which file its new functions are
            marks = (
                [*_changed(_mark(base, name), _mark(design, name)), *constants(old[1], new[1])] if old and new else []
            )
            hunks.append(Hunk(file, f"{name}()", (*marks, *_function_diff(old and old[1], new and new[1], design))))
    return [hunk for hunk in hunks if hunk.size]


def functions_of(design: type[Design]) -> dict[str, Callable[..., object]]:
    """Those that run, by name."""
    return {name: function for name, (_, function) in _functions(design).items()}


def diff_lines(base_name: str, name: str, hunks: Sequence[Hunk]) -> list[str]:
    """The text of the hunks, grouped by C file."""
    lines = [f"--- {base_name}", f"+++ {name}"]
    for hunk in hunks:
        lines += [f"@@ {': '.join(filter(None, (hunk.file, hunk.name)))} @@", *hunk.lines]
    return lines if hunks else [f"{name} changes nothing of {base_name}'s functions and fields"]


# --- what is compared ---


def _functions(design: type[Design]) -> dict[str, tuple[str, Callable[..., object]]]:
    """name -> (C file, the function that runs), first definitions first."""
    found: dict[str, tuple[str, Callable[..., object]]] = {}
    for owner in reversed(design.__mro__):
        for name, function in vars(owner).items():
            if issubclass(owner, Design) and owner is not Design and inspect.isfunction(function) and name[0] != "_":
                inherited = found[name][0] if name in found else str(getattr(owner, "source", ""))
                found[name] = (str(vars(owner).get("source") or inherited), function)
    return found


@dataclass(frozen=True)
class Field:
    """A field, or a constant that a design sets, as a line of source, and what its names stand for."""

    text: str
    meaning: str


def _fields(design: type[Design]) -> dict[str, Field]:
    """name -> what the design declares, in order."""
    lines = dict[str, Field]()
    for owner in reversed(design.__mro__):
        if not issubclass(owner, Design) or owner is Design:
            continue
        texts = _annotation_texts(owner)
        for name, value in vars(owner).items():  # also what it gives to a field or constant that another class declares
            if name[0] != "_" and name not in ABOUT and not inspect.isfunction(value):
                declared = lines.get(name, Field(name, ""))
                text = f"{declared.text.partition(' = ')[0]} = {_show(getattr(design, name))}"
                lines[name] = Field(text, declared.meaning)
        for name, hint in type_hints(owner).items():
            if name in vars(owner).get("__annotations__", {}) and name not in ABOUT:
                constant = typing.get_origin(hint) is ClassVar
                text = f"{name} = {_show(getattr(design, name))}" if constant else f"{name}: {texts[name]}"
                lines[name] = Field(text, "" if constant else _meaning(hint, getattr(design, name, None)))
    return lines


def _meaning(hint: object, default: object = None) -> str:
    """A type without the names of aliases, which another file may give to something else."""
    after = "" if default is None else f" = {default}"
    if typing.get_origin(hint) is Annotated:  # a label beside it is for people
        of, *marks = typing.get_args(hint)
        return next((f"Index({m.bound!r})" for m in marks if isinstance(m, Index)), _meaning(of)) + after
    if typing.get_origin(hint) is not None:
        parts = ", ".join(map(_meaning, typing.get_args(hint)))
        return f"{inspect.formatannotation(typing.get_origin(hint)).rpartition('.')[2]}[{parts}]{after}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"{hint.__name__}({', '.join(f'{m.name}={m.value}' for m in hint)}){after}"
    if isinstance(hint, type) and issubclass(hint, Struct):
        own = {n: h for n, h in type_hints(hint).items() if n[0] != "_"}
        return f"{hint.__name__}({', '.join(f'{n}: {_meaning(h, getattr(hint, n, None))}' for n, h in own.items())}){after}"
    return f"{getattr(hint, '__name__', None) or hint}{after}"


def _annotation_texts(owner: type) -> dict[str, str]:
    """Annotations as their source says them, module names left out."""
    found = dict[str, str]()
    for name, hint in vars(owner).get("__annotations__", {}).items():
        text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
        found[name] = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    return found


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(getattr(item, 'name', str(item)) for item in value)})"
    return str(value)


# --- functions ---


def _function_diff(
    old: Callable[..., object] | None, new: Callable[..., object] | None, design: type[Design]
) -> list[str]:  # fmt: skip
    inherited = old is not None and any(old is vars(owner).get(old.__name__) for owner in design.__mro__)
    if new is not None and inherited and calls_super(new):
        # what it replaces still runs: everything but the call is added
        return [(" " if _hands_on(new, line) else "+") + line for line in code_lines(new)[1:]]
    return _changed(code_lines(old) if old else [], code_lines(new) if new else [])


def _hands_on(function: Callable[..., object], line: str) -> bool:
    """It runs what is replaced with what came in, and does nothing else: another argument or condition is a change."""
    names = ", ".join(list(inspect.signature(function).parameters)[1:])
    return line.strip().removeprefix("return ") == f"super().{function.__name__}({names})"


def _mark(design: type[Design], name: str) -> list[str]:
    """What makes a function a step, and what a run owes to it; a patch that restates one need not repeat it."""
    info = design.steps().get(name)
    return [f'@step(by="{info.by}", fair={info.fair})'] if info is not None else []


def _changed(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Only the lines that go and come."""
    lines = list[str]()
    for i, j, k, m in line_changes(old, new):
        lines += [*(f"-{line}" for line in old[i:j]), *(f"+{line}" for line in new[k:m])]
    return lines


def line_changes(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """old[i:j] becomes new[k:m]. A block that comes or goes and reads the same some lines further up or down begins where it is
    indented least: an `if` with its `return`, and not a `return` with the `if` below it."""
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    opcodes = [places for tag, *places in matcher.get_opcodes() if tag != "equal"]
    found, above = list[tuple[int, int, int, int]](), 0
    for at, (i, j, k, m) in enumerate(opcodes):
        below = opcodes[at + 1][0] if at + 1 < len(opcodes) else len(old)
        by = _moved((new, k, m) if i == j else (old, i, j), i - above, below - j) if i == j or k == m else 0
        found.append((i + by, j + by, k + by, m + by))
        above = j + by
    return found


def _moved(block: tuple[Sequence[str], int, int], above: int, below: int) -> int:
    """By how many lines. above, below: how many lines are the same there."""
    text, first, last = block
    up = next((n for n in range(above) if text[first - n - 1] != text[last - n - 1]), above)
    down = next((n for n in range(below) if text[first + n] != text[last + n]), below)
    return min(range(-up, down + 1), key=lambda by: (_indented(text[first + by]), abs(by)))


def _indented(line: str) -> int:
    return len(line) - len(line.lstrip())


def constants(old: Callable[..., object], new: Callable[..., object]) -> list[str]:
    """The constants of their files that both functions name and that have other values."""
    values = [
        {n: str(v) for n in f.__code__.co_names if isinstance(v := f.__globals__.get(n), bool | int | Enum)}
        for f in (old, new)
    ]
    names = [n for n in values[0] if n in values[1] and values[0][n] != values[1][n]]
    return [f"{sign}{n} = {of[n]}" for sign, of in zip("-+", values, strict=True) for n in names]


def calls_super(function: Callable[..., object]) -> bool:
    """What it replaces still runs."""
    calls = [n for n in ast.walk(definition_of(function)) if isinstance(n, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id == "super" for call in calls)


def code_lines(function: Callable[..., object]) -> list[str]:
    """A function's lines from `def` on, without docstring, comments and the indentation of its class."""
    return [text for _, text in _numbered(function)]


def changed_lines(
    base: type[Design], design: type[Design], *, taken_away: bool = True
) -> dict[str, dict[str, set[int]]]:
    """File -> function -> the lines of the design's own that its diff adds to base. taken_away: all of a function that only
    takes away."""
    before, after, found = _functions(base), _functions(design), dict[str, dict[str, set[int]]]()
    for name, (_, new) in after.items():
        old = before[name][1] if name in before else None
        if old is new:
            continue
        numbered = _numbered(new)
        texts = code_lines(old) if old and not calls_super(new) else []
        now = [text for _, text in numbered]
        added = {numbered[n][0] for _, _, k, m in line_changes(texts, now) for n in range(k, m)}
        if added or (taken_away and texts != now):
            file = new.__code__.co_filename
            found.setdefault(file, {})[name] = added or {number for number, _ in numbered}
    return found


def _numbered(function: Callable[..., object]) -> list[tuple[int, str]]:
    node, file = definition_of(function), function.__code__.co_filename
    lines = _without_comments(file, function.__module__, parsed(file, function.__module__))
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    skip = range(first.lineno, (first.end_lineno or first.lineno) + 1) if documented else range(0)
    kept = [n for n in range(node.lineno, (node.end_lineno or node.lineno) + 1) if n not in skip]
    return [(n, lines[n - 1][node.col_offset :]) for n in kept if lines[n - 1].strip()]


@functools.lru_cache(maxsize=256)
def _without_comments(file: str, module: str, version: ast.Module) -> list[str]:
    """The lines of a source file (of the version that was parsed)."""
    text = text_of(file, module)
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return lines
