"""What people who read C every day write first, and what to write here instead.

Looked up only where Python's parser has given up, or for a name or a number that means nothing here: a table of hints,
no second parser. Strings and comments are not looked at.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from model.finite import BoolType, EnumType, IntType, OptionalType, Type

NAMES = {"NULL": "None", "true": "True", "false": "False"}


@dataclass(frozen=True, slots=True)
class Habit:
    """A spelling that is never right here on a line that does not parse: what of the line is marked, and the advice."""

    spelling: str
    instead: str
    pattern: re.Pattern[str]


def _habit(spelling: str, instead: str, pattern: str) -> Habit:
    return Habit(spelling, instead, re.compile(pattern))


_TYPE = r"(?:(?:struct|enum)\s+\w+|unsigned(?:\s+\w+)?|int|long|char|bool|void|[us](?:8|16|32|64))"
COMMENTS = (
    _habit("// ...", "`# ...`", r"(?:^|(?<=\s))//"),
    _habit("/* ... */", "`# ...`", r"/\*"),
)
HABITS = (
    _habit("&&", "`and`", r"&&"),
    _habit("||", "`or`", r"\|\|"),
    _habit("!x", "`not x`", r"!(?!=)"),
    _habit("p->x", "`p.x`", r"(?<=[\w\])])->(?=[a-z_])(?!bool\b)"),  # not: def f(self) -> None
    _habit("x++", "`x += 1`", r"(?<=[\w\]])\+\+(?=\s*(?:[;),:\]{]|$))|(?:^\s*|(?<=[;(]\s))\+\+(?=\w)"),
    _habit("x--", "`x -= 1`", r"(?<=[\w\]])--(?=\s*(?:[;),:\]{]|$))|(?:^\s*|(?<=[;(]\s))--(?=\w)"),
    _habit("a ? b : c", "`b if a else c`", r"\?"),
    _habit("else if", "`elif`", r"^\W*\belse\s+if\b"),
    _habit("switch", "`if` / `elif` / `else`", r"^\s*switch\b(?=\s*\()"),
    _habit("for (;;)", "`for i in range(2):` or `for i in self.table:`", r"^\s*for\b(?=\s*\([^)]*;)"),
    _habit("goto", "`return` or `if` / `else`", r"^\s*goto\b(?=\s+\w)"),
    _habit("type x", "`x = ...` or `x: Type = ...`", rf"^\s*(?:(?:const|static)\s+)*{_TYPE}(?=\s+\*?\w+\s*(?:[=;,]|$))"),
    _habit("&x", "`x` (a record is passed by reference)", r"(?<=[(,=])\s*&(?=\w)"),
    _habit("{ }", "`:` and an indented block", r"(?<=\))\s*\{(?=\s*$)|(?:^\s*else)\s*\{(?=\s*$)|^\s*[{}](?=\s*(?:;|else\b.*)?$)"),
)  # fmt: skip
_STRING_OR_COMMENT = re.compile(
    r'"""(?:.|\n)*?(?:"""|\Z)|\'\'\'(?:.|\n)*?(?:\'\'\'|\Z)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#.*'
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the first spelling of C is (1-based line, 0-based columns), what it is, and the advice for all of the line."""

    line: int
    col: int
    end: int
    spelling: str
    hint: str


def find(source: str, line: int, last: int, col: int) -> Found | None:
    """The C in the lines `line`..`last`, where Python's parser gave up before column `col`; None if there is none."""
    lines = _STRING_OR_COMMENT.sub(_blank, source).split("\n")
    line, last = min(line, len(lines)), min(last, len(lines))
    if last < len(lines) and lines[last].strip() == "{":
        last += 1
    opened = next((n for n, text in enumerate(lines[:last], 1) if "/*" in text), last)  # its text is no code
    for number in range(min(line, opened), last + 1):
        before = "\n".join(lines[: number - 1])
        is_open = sum(map(before.count, "([{")) > sum(map(before.count, ")]}"))
        found = _on_line(lines[number - 1], col if number == last else len(source), is_open=is_open)
        if found:
            start, end, first = found[0]
            hint = "write " + "; ".join(dict.fromkeys(f"{h.instead} for `{h.spelling}`" for _, _, h in found))
            return Found(number, start, end, first.spelling, hint)
    return None


def _blank(text: re.Match[str]) -> str:
    """As long and as many lines, but nothing to be found in it."""
    return re.sub(r"[^\n]", " " if text[0].startswith("#") else '"', text[0])


def _on_line(text: str, col: int, *, is_open: bool) -> list[tuple[int, int, Habit]]:
    """(start, end, habit) of each C spelling, from left to right. `is_open`: the line is inside brackets of Python's."""
    comments = [(m.start(), m.end(), habit) for habit in COMMENTS if (m := habit.pattern.search(text))]
    comment = min(comments, key=lambda c: c[0], default=None)
    found = list[tuple[int, int, Habit]]()
    for habit in HABITS:
        for match in habit.pattern.finditer(text[: comment[0]] if comment else text):
            brackets_of_a_set = is_open and not match[0].strip("{} \t")
            if not brackets_of_a_set:
                found.append((match.end() - len(match[0].lstrip()), match.end(), habit))
    found.sort(key=lambda f: f[:2])
    return [*found, comment] if comment and (found or comment[0] <= col) else found  # else `//` is a division


# --- C that parses ---


def name_hint(name: str) -> str:
    """What a name of C is called here; "" for any other."""
    return f"write {NAMES[name]} for `{name}`" if name in NAMES else ""


def increment_hint(node: ast.AST) -> str:
    """++x and --x are two signs in Python. "" for anything else."""
    match node:
        case ast.UnaryOp(op=ast.UAdd(), operand=ast.UnaryOp(op=ast.UAdd(), operand=of)):
            return f"write `{ast.unparse(of)} += 1`, on a line of its own"
        case ast.UnaryOp(op=ast.USub(), operand=ast.UnaryOp(op=ast.USub(), operand=of)):
            return f"write `{ast.unparse(of)} -= 1`, on a line of its own"
        case _:
            return ""


def number_hint(given: Type, target: Type) -> str:
    """What to write where a number stands for a bool or an Enum, as in C; "" if that is not the case."""
    if not isinstance(given, IntType):
        return ""
    match target:
        case BoolType() if given.lo == given.hi:
            return f"write {given.lo != 0}"
        case BoolType():
            return "write a comparison, e.g. `... != 0`"
        case EnumType(cls) | OptionalType(of=EnumType(cls)):
            member = next((m for m in cls if m.value == given.lo == given.hi), None)
            return f"write {member}" if member is not None else f"name a member, e.g. {next(iter(cls))}"
        case _:
            return ""
