"""The table of correspondences: which C is which piece of the model. Plain text, a row a line:

    C with $x for any expression  =>  model, with $x where it goes  # why, if something is left out

A row that drops a `$x` says why. `@NAME` before a row: only in this function of the model (`*` for any characters).
A patch that changes what such a row leaves out is refused, unless its why begins with `harmless:`, or with `harmless if added:`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lift.accounting import HARMLESS, IF_ADDED
from lift.cparse import Expr, expression
from lift.refusal import NotLifted

SECTIONS = (
    "base", "files", "relied on", "elsewhere", "sources", "functions", "anchors", "own", "parts", "cases", "structs", "types", "enums", "constants", "objects", "expressions", "statements",
    "loops", "registers", "assume", "asserts", "ignore", "not modelled", "no effect", "flags", "begins", "preconditions", "without",
    "helpers", "shapes",
)  # fmt: skip
ASKS_WHY = (
    "relied on", "elsewhere", "anchors", "own", "assume", "asserts", "ignore", "not modelled", "no effect", "begins", "preconditions", "without",
)  # fmt: skip
KEYWORDS = frozenset(
    [
        "if",
        "else",
        "for",
        "while",
        "do",
        "return",
        "switch",
        "case",
        "break",
        "continue",
        "goto",
        "default",
        "bool",
        "int",
        "true",
        "false",
        "struct",
        "static",
    ]
)
_META = re.compile(r"\$\w+")
_FUNCTION = re.compile(r"(\w+)(?:/(\w+))?\(([^()]*)\)(?:\s*=>\s*(\w+))?$")


@dataclass(frozen=True)
class Row:
    section: str
    line: int
    left: str
    right: str = ""
    why: str = ""
    scope: str = "*"
    pattern: Expr | None = None
    mark: str = ""  # HARMLESS, IF_ADDED

    @property
    def dropped(self) -> set[str]:
        """The $x of the C that the model does not have."""
        return set(_META.findall(self.left)) - set(_META.findall(self.right))


@dataclass(frozen=True)
class FunctionRow:
    """A C function, or one case of a switch in it, and the model's function. params: C name -> model, `-` for none, `= VALUE`
    for one that is always that. result: what the model has what it returns in, if not in its own."""

    c: str
    case: str
    params: dict[str, str]
    model: str
    why: str
    line: int
    result: str = ""
    mark: str = ""

    def is_called_by(self, e: Expr) -> bool:
        """Do the values of this call fit?"""
        given = zip(self.params.values(), e.args[1:], strict=False)
        return not self.case and all(
            str(arg) == value_of_row(target) for target, arg in given if target.startswith("=")
        )


def value_of_row(target: str) -> str:
    return target.removeprefix("=").strip()


@dataclass
class Register:
    """A C value of which the model has some bits: bit -> what the model says instead. written: it is a local, built up
    with =, |= and &=."""

    name: str
    scope: str
    bits: dict[int, str]
    why: str
    written: bool
    line: int
    mark: str = ""


@dataclass
class Table:
    file: str = "the table"
    base: str = ""  # module:Class of the design that a patch stands on
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in SECTIONS})
    functions: list[FunctionRow] = field(default_factory=list[FunctionRow])
    registers: list[Register] = field(default_factory=list[Register])
    shapes: dict[str, str] = field(default_factory=dict[str, str])
    used: set[int] = field(default_factory=set[int])

    def begins(self, function: str) -> list[ast.stmt]:
        """What a function of the model does before the first statement of the C."""
        row = self.named("begins", function)
        return ast.parse(row.right.replace(" ; ", "\n")).body if row is not None else []

    def find(self, section: str, e: Expr, function: str) -> tuple[Row, dict[str, Expr]] | None:
        """The first row that fits; those of one function come before those of any."""
        scoped = sorted(self.rows[section], key=lambda row: row.scope == "*")
        for row in scoped:
            bound = dict[str, Expr]()
            if row.pattern and fnmatchcase(function, row.scope) and fits(row.pattern, e, bound):
                self.used.add(row.line)
                return row, bound
        return None

    def named(self, section: str, name: str) -> Row | None:
        """The row of a name, in which `*` stands for any characters."""
        for row in self.rows[section]:
            if not row.pattern and fnmatchcase(name, row.left):
                self.used.add(row.line)
                return row
        return None

    def own(self, functions: Collection[str]) -> dict[str, str]:
        """Of these functions of the model, those that no function of C is: name -> why. Raises NotLifted for a row of another name."""
        for row in self.rows["own"]:
            if row.left not in functions:
                raise NotLifted(row.line, f"[own]: the model has no function {row.left}()", "", self.file)
        self.used |= {row.line for row in self.rows["own"]}
        return {row.left: row.why for row in self.rows["own"]}

    def called(self, section: str) -> set[str]:
        """The functions of C that stand in its rows."""
        return {e.callee for row in self.rows[section] if row.pattern for e in _parts(row.pattern) if e.callee}

    def things(self, function: str) -> set[str]:
        """The locals of C that rows of this function alone have as a thing of the model."""
        rows = [row for row in self.rows["objects"] if row.pattern and row.pattern.kind == "id" and row.scope != "*"]
        return {row.left for row in rows if fnmatchcase(function, row.scope)}

    def counters(self) -> set[str]:
        """What the loops of rows count."""
        heads = [row.pattern for row in self.rows["loops"] if row.pattern and row.pattern.callee == "for"]
        return {part.args[0].text for head in heads for part in head.args[1:] if part.kind == "post"}

    def calls(self, name: str) -> bool:
        """Is a function of C of this name lifted, or in a row for what it does?"""
        sections = ("objects", "expressions", "statements", "loops", "assume", "asserts", "ignore")
        return any(row.c == name for row in self.functions) or any(name in self.called(s) for s in sections)

    def of_c(self, name: str) -> list[FunctionRow]:
        return [row for row in self.functions if row.c == name]

    def has_member(self, name: str) -> bool:
        """Is there a row of objects or expressions about a field of this name?"""
        rows = (row for section in ("objects", "expressions") for row in self.rows[section])
        return any(re.search(rf"(?:->|\.){re.escape(name)}\b", row.left) for row in rows)

    def names(self) -> set[str]:
        """The words of C that stand for something of the model, and those of the language; not those that are numbers."""
        meant = ("objects", "expressions", "statements", "loops", "assume", "asserts", "ignore")
        rows = [row.left for section in meant for row in self.rows[section]]
        rows += [row.c for row in self.functions] + [register.name for register in self.registers]
        return {word for row in rows for word in re.findall(r"[A-Za-z_]\w*", row)} | KEYWORDS

    def lines(self) -> Iterator[tuple[int, str]]:
        """Every row, by its line: what is to be used by something."""
        for rows in self.rows.values():
            no_use = ("base", "relied on", "elsewhere", "sources", "shapes")
            yield from ((row.line, row.left) for row in rows if row.section not in no_use)
        yield from ((row.line, f"{row.c}/{row.case}") for row in self.functions)
        yield from ((register.line, register.name) for register in self.registers)


def _parts(e: Expr) -> Iterator[Expr]:
    yield e
    for part in e.args:
        yield from _parts(part)


def fits(pattern: Expr, e: Expr, bound: dict[str, Expr]) -> bool:
    """Is this the expression, but for what stands for $x?"""
    if pattern.kind == "id" and pattern.text.startswith("$"):
        return bound.setdefault(pattern.text, e) == e
    if (pattern.kind, pattern.text, len(pattern.args)) != (e.kind, e.text, len(e.args)):
        return False
    return all(fits(p, a, bound) for p, a in zip(pattern.args, e.args, strict=True))


def read_table(text: str, file: str = "the table") -> Table:
    """Raises NotLifted for a row that is none."""
    table, section, shape = Table(file), "", ""
    for number, raw in enumerate(text.split("\n"), 1):
        line, _, why = raw.partition(" #")
        line, (mark, why) = line.rstrip(), _marked(why.strip())
        if section == "shapes" and raw[:1] == " " and line.strip():
            table.shapes[shape] += line.removeprefix("    ") + "\n"
        elif not line.strip() or line.startswith("#"):
            continue
        elif line.startswith("["):
            section = line.strip("[]")
            if section not in SECTIONS:
                raise NotLifted(number, f"there is no section [{section}]", f"one of {', '.join(SECTIONS)}", file)
        elif section == "shapes":
            shape = line.strip().rstrip(":")
            table.shapes[shape] = ""
        else:
            try:
                _row(table, section, line.strip(), why, number, mark)
            except (NotLifted, ValueError) as error:
                raise NotLifted(number, f"not a row of [{section}]: {error}", "", file) from None
    return table


def _marked(why: str) -> tuple[str, str]:
    """(HARMLESS or IF_ADDED or "", the rest)"""
    mark, colon, rest = why.partition(": ")
    return (mark, rest) if colon and mark in (HARMLESS, IF_ADDED) else ("", why)


def _row(table: Table, section: str, line: str, why: str, number: int, mark: str) -> None:
    scope = "*"
    if line.startswith("@"):
        scope, _, line = line[1:].partition(" ")
    if section == "functions":
        table.functions.append(_function(line.strip(), why, number, mark))
        return
    left, arrow, right = (part.strip() for part in line.strip().partition("=>"))
    if section == "registers":
        table.registers.append(_register(left, right, scope, why, number, mark))
        return
    if section == "base":
        table.base = left
    patterned = section in ("objects", "expressions", "statements", "loops", "assume", "asserts")
    patterned = patterned or (section in ("ignore",) and not re.fullmatch(r"(function |return of )?[\w*]+", left))
    row = Row(section, number, left, right, why, scope, expression(left.rstrip(";")) if patterned else None, mark)
    if section == "anchors":
        for text in right.split(" ; "):
            expression(text)
    if (patterned or section == "anchors") and section != "ignore" and not arrow:
        raise ValueError("`=>` is missing")
    if (section, right) == ("loops", "once") and not why:
        raise ValueError("a loop that runs once: say why, after #")
    if not why and (section in ASKS_WHY or (patterned and row.dropped)):
        raise ValueError("something is left out: say why, after #")
    table.rows[section].append(row)


def _function(line: str, why: str, number: int, mark: str) -> FunctionRow:
    found = _FUNCTION.match(line)
    if found is None:
        raise ValueError("write name(parameter: model, ...) => model function")
    params = dict(_pair(part) for part in found[3].split(",") if part.strip())
    if "-" in params.values() and not why:
        raise ValueError("a parameter is left out: say why, after #")
    result = params.pop("return", "")
    return FunctionRow(found[1], found[2] or "", params, found[4] or found[1], why, number, result, mark)


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not colon:
        raise ValueError(f"{name}: which model expression?")
    return name, value


def _register(left: str, right: str, scope: str, why: str, number: int, mark: str) -> Register:
    bits = {int(bit): value for bit, value in map(_pair, right.split(";"))}
    return Register(left.removeprefix("local "), scope, bits, why, left.startswith("local "), number, mark)
