"""What people who read C every day write first, and what to write here instead.

Looked up only where Python's parser has given up, or for a name or a number that means nothing here: a table of hints,
no second parser. Strings and comments are not looked at.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from model.finite import BoolType, EnumType, IntType, OptionalType, Type

NAMES = {
    "NULL": "None",
    "true": "True",
    "false": "False",
    "TRUE": "True",
    "FALSE": "False",
    "super": "super()",
    "Bool": "bool",
}
BIT_CALLS = {"set_bit": "{1}.add({0})", "clear_bit": "{1}.discard({0})", "test_bit": "{0} in {1}"}


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
class Sighting:
    """Where the first spelling of C is (1-based line, 0-based columns), what it is, and the advice for all of the line."""

    line: int
    col: int
    end: int
    spelling: str
    hint: str


def find(source: str, line: int, last: int, col: int) -> Sighting | None:
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
            return Sighting(number, start, end, first.spelling, hint)
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


def test_written_as_assignment(said: str, line: str) -> str:
    """What to say where Python's parser (`said`) met `=` in a test; "" if that is not what it met."""
    in_test = re.match(r"\s*(?:if|elif|while)\b", line) and "'=='" in said
    return "`=` stores, and this is a comparison" if in_test or "or ':='" in said or 'meant "=="' in said else ""


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


def bit_call_hint(node: ast.Call) -> str:
    """What set_bit(v, mask) and the like are called here; "" for any other call."""
    name = node.func.id.lstrip("_") if isinstance(node.func, ast.Name) else ""
    given = [ast.unparse(each) for each in node.args] if len(node.args) == 2 else ["v", "mask"]
    if name in BIT_CALLS:
        return f"write `{BIT_CALLS[name].format(*given)}`"
    if name in ("test_and_set_bit", "test_and_clear_bit"):
        change = BIT_CALLS[name.removeprefix("test_and_")]
        return f"write `{BIT_CALLS['test_bit'].format(*given)}` first, then `{change.format(*given)}`"
    return ""


def bit_operation_hint(node: ast.BinOp) -> str:
    """What `mask | 1 << v`, `mask & ~BIT(v)` and `mask & BIT(v)` are called here; "" for anything else."""
    mask, given = ast.unparse(node.left), node.right
    match node.op, given:
        case ast.BitAnd(), ast.UnaryOp(op=ast.Invert(), operand=of):
            form, given = "{1}.discard({0})", of
        case ast.BitAnd(), _:
            form = BIT_CALLS["test_bit"]
        case ast.BitOr(), _:
            form = BIT_CALLS["set_bit"]
        case _:
            return ""
    match given:
        case ast.BinOp(left=ast.Constant(value=1), op=ast.LShift(), right=bit):
            return f"write `{form.format(ast.unparse(bit), mask)}`"
        case ast.Call(func=ast.Name(id="BIT" | "BIT_ULL"), args=[bit]):
            return f"write `{form.format(ast.unparse(bit), mask)}`"
        case _:
            return ""
