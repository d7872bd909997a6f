"""What is said when a model is outside the language: file, line, source text, caret, what to write instead."""

from __future__ import annotations

import ast
import difflib
import linecache
import textwrap
from collections.abc import Iterable
from pathlib import Path

from checker.language.ir import Loc
from model.finite import BoolType, EnumType, IntType, MaskType, ModelError, OptionalType, StructType, TableType, Type

LONGEST = 300  # characters of a line that is shown, around what is marked
LISTED = 12  # names that a hint lists when none is near
WIDTH = 100  # of a list of fields
ROOT = Path(__file__).resolve().parents[2]


class Refused(ModelError):
    """A construct that the language does not have, or a use of it that cannot be right (exit code 2)."""

    def __init__(self, loc: Loc, message: str, hint: str = "") -> None:
        self.loc, self.message, self.hint = loc, message, hint
        super().__init__(self.render())

    def __reduce__(self) -> tuple[type[Refused], tuple[Loc, str, str]]:
        return Refused, (self.loc, self.message, self.hint)  # between processes

    def render(self) -> str:
        """Three lines or more: position and message, the source line, a caret, the advice."""
        lines = [f"{self.loc}: {self.message}"]
        source = linecache.getline(self.loc.file, self.loc.line).rstrip("\n")
        if source.strip():
            begin = max(len(source) - len(source.lstrip()), self.loc.col - LONGEST // 2)
            shown = source[begin : begin + LONGEST]
            end = max(min(self.loc.end_col, begin + len(shown)), self.loc.col + 1)
            lines.append("    " + shown)
            lines.append("    " + " " * (self.loc.col - begin) + "^" * (end - self.loc.col))
        if self.hint:
            lines.append(textwrap.indent(self.hint, "  "))
        return "\n".join(lines)


def loc_of(node: ast.AST, file: str) -> Loc:
    """Location of an AST node; only its first line is marked. The parser counts bytes, a Loc characters."""
    line = getattr(node, "lineno", 1)
    col = getattr(node, "col_offset", 0)
    end = getattr(node, "end_col_offset", col + 1)
    source = linecache.getline(file, line).rstrip("\n")
    if getattr(node, "end_lineno", line) != line:
        end = len(source.encode())
    if not source.isascii():
        col, end = (len(source.encode()[:n].decode(errors="ignore")) for n in (col, end))
    return Loc(file, line, col, end)


def place_of(loc: Loc, beside: Loc) -> str:
    """A second place of a message about `beside`. The model's files are named as in the folder that holds them all."""
    if loc.file == beside.file:
        return f"line {loc.line}"
    path = Path(loc.file)
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{loc.line}"


def nearest(name: str, valid: Iterable[str]) -> str:
    """The valid name that is nearest, or "" if none is near."""
    by_letters = {n.lower(): n for n in sorted(set(valid), reverse=True)}  # V6 is near v6
    near = difflib.get_close_matches(name.lower(), by_letters, n=1, cutoff=0.6)
    return by_letters[near[0]] if near else ""


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """A hint that names the nearest valid name, or all of them if none is near and they are few."""
    names = sorted(set(valid))
    if name in names:
        return f"{name!r} exists, but this file does not import it"
    if near := nearest(name, names):
        return f"did you mean {near!r}?"
    return "valid names: " + ", ".join(names) if 0 < len(names) <= LISTED else ""


def field_hint(name: str, of: StructType) -> str:
    """A hint that names the nearest field of a record, or all of them: they are the vocabulary there."""
    names = sorted(field for field, _ in of.fields)
    hint = did_you_mean(name, names)
    if hint.startswith("did you mean"):
        return hint
    return textwrap.fill("fields: " + ", ".join(names), WIDTH, subsequent_indent="  ", break_long_words=False)


def a(of: Type) -> str:
    """A type as one would say it: "an index of pins (0..1)", "a Trigger or None"."""
    match of:
        case BoolType():
            return "a bool"
        case IntType(lo, hi, index):
            values = f"{lo}..{hi}" if lo != hi else f"{lo}"
            return (
                f"an index of {index} ({values})"
                if index
                else f"a number ({values})"
                if lo != hi
                else f"the number {lo}"
            )
        case EnumType(cls):
            return f"{_article(cls.__name__)} {cls.__name__}"
        case OptionalType(inner):
            return f"{a(inner)} or None"
        case MaskType(inner):
            return f"a Mask of {inner.index or 'numbers'} ({inner.lo}..{inner.hi})"
        case StructType(cls):
            return f"{_article(cls.__name__)} {cls.__name__} record"
        case TableType(index, _):
            return f"a Table, one row for each of {index.index or 'the numbers'} ({index.lo}..{index.hi})"


def _article(word: str) -> str:
    return "an" if word[:1] in "AEIOUaeiou" else "a"


INSTEAD: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: ("`while` is not in the language", "loop over a finite index: for pin in self.ioapic:"),
    ast.Try: ("`try` is not in the language", "use `require(...)` for guards and `if` for cases"),
    ast.TryStar: ("`try` is not in the language", "use `require(...)` for guards and `if` for cases"),
    ast.With: ("`with` is not in the language", "a step is atomic already: no locks are needed"),
    ast.Raise: ("`raise` is not in the language", "disable the step with `require(...)` before its first write"),
    ast.Assert: ("`assert` is not in the language", "write an `always` property, or `require(...)` as a guard"),
    ast.Delete: ("`del` is not in the language", "store None or the empty value instead"),
    ast.Global: ("`global` is not in the language", "keep the value in a state field"),
    ast.Nonlocal: ("`nonlocal` is not in the language", "keep the value in a state field"),
    ast.Import: ("imports belong at the top of the file", "move it out of the function"),
    ast.ImportFrom: ("imports belong at the top of the file", "move it out of the function"),
    ast.FunctionDef: ("functions inside functions are not in the language", "make it a method of the class"),
    ast.AsyncFunctionDef: ("functions inside functions are not in the language", "make it a method of the class"),
    ast.ClassDef: ("classes inside functions are not in the language", "define it at the top of the file"),
    ast.Match: ("`match` is not in the language", "use if / elif / else"),
    ast.AugAssign: (
        "only +=, -=, |= and &= are in the language",
        "write it as a plain assignment, or as `if` with cases",
    ),
    ast.Lambda: ("`lambda` is not in the language", "make it a method of the class"),
    ast.ListComp: ("list comprehensions are not in the language", "use any(...) or all(...), or a `for` loop"),
    ast.SetComp: ("set comprehensions are not in the language", "fill a Mask field in a `for` loop"),
    ast.DictComp: ("dict comprehensions are not in the language", "use a Table field"),
    ast.GeneratorExp: ("generators are only read by any(...) and all(...)", "use a `for` loop"),
    ast.List: ("lists are not in the language", "use a Table or Mask field"),
    ast.Tuple: (
        "tuples are not in the language",
        "one assignment a line; a tuple of values can follow `in`: x in (A, B)",
    ),
    ast.Dict: ("dicts are not in the language", "use a Table field"),
    ast.Set: ("set literals are not in the language", "use a Mask field with .add and .discard"),
    ast.JoinedStr: ("strings are not in the language", "use an Enum"),
    ast.Yield: ("`yield` is not in the language", "use a `for` loop"),
    ast.YieldFrom: ("`yield` is not in the language", "use a `for` loop"),
    ast.Await: ("`await` is not in the language", "split it into two steps"),
    ast.NamedExpr: ("`:=` is not in the language", "assign on a line of its own"),
    ast.Starred: ("`*` arguments are not in the language", "pass each argument by itself"),
    ast.Slice: ("slices are not in the language", "use one index, or a `for` loop"),
    ast.AsyncFor: ("`async` is not in the language", "use a plain `for` loop"),
    ast.AsyncWith: ("`async` is not in the language", "a step is atomic already"),
}
