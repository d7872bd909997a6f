"""What of a side of a hunk belongs to which function, struct or enum. Kernel style: heads and `}` in the first column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lift.ctokens import Row, without_comments
from lift.patch import Hunk
from lift.refusal import NotLifted

_HEAD = re.compile(r"(?!return\b|else\b|case\b|goto\b)[A-Za-z_][\w \t*]*?[ \t*](\w+)\([^;]*$")
_BARE_HEAD = re.compile(r"(\w+)\([^;]*$")  # below a line with its type
_TYPE_ALONE = re.compile(r"[A-Za-z_][\w \t*]*$")
_LIST = re.compile(r"(?:typedef )?(struct|enum|union) (\w+) \{")
_OUTSIDE = re.compile(r"[A-Za-z_](?!\w*:)")  # in the first column, and no label
_OF_HEADING = re.compile(r"(\w+)\((?!.*;\s*$)")


@dataclass(frozen=True)
class Define:
    """value: "" if it has parameters, which is_macro says."""

    word: str  # define, undef or include
    name: str
    value: str
    rows: list[Row]
    is_macro: bool = False

    @property
    def changed(self) -> bool:
        return any(row.changed for row in self.rows)


@dataclass
class Piece:
    """name: of a function, `struct x`, `enum x`, or "" outside of all. head: the rows before its `{`, if they are shown."""

    name: str
    head: list[Row] = field(default_factory=list[Row])
    rows: list[Row] = field(default_factory=list[Row])
    ends: bool = False

    @property
    def changed(self) -> bool:
        return any(row.changed and row.text.strip() for row in (*self.head, *self.rows))


def changed_names(hunk: Hunk, dropped: str) -> list[str]:
    """The functions, structs and enums of which the hunk changes a line; none where that cannot be read."""
    try:
        return [piece.name for piece in pieces(hunk, dropped) if piece.changed and piece.name]
    except NotLifted:
        return []


def pieces(hunk: Hunk, dropped: str) -> list[Piece]:
    """Of one side, without #defines. Raises NotLifted."""
    rows, _ = split_defines(without_comments(hunk.side(dropped)))
    first = Piece(_of_heading(hunk.heading))
    if hunk.flat:
        return [_flat(hunk, first, rows)]
    found, in_head = [first], False
    for at, row in enumerate(rows):
        text = row.text
        here = found[-1]
        if in_head:
            here.head.append(row)
            in_head = not text.startswith("{")
        elif (head := _HEAD.match(text)) and _opens(rows, at):
            found.append(Piece(head[1], [row]))
            in_head = True
        elif (head := _BARE_HEAD.match(text)) and at and _TYPE_ALONE.match(rows[at - 1].text) and _opens(rows, at):
            above = [here.rows.pop()] if here.rows[-1:] == [rows[at - 1]] else []
            found.append(Piece(head[1], [*above, row]))
            in_head = True
        elif (listed := _LIST.match(text)) is not None:
            found.append(Piece(f"{listed[1]} {listed[2]}", [row]))
        elif text.startswith("{") and here is first and not here.head:
            _begins_in_head(here, row)
        elif here is first and _OUTSIDE.match(text) and not any(r.text.strip() for r in here.rows):
            here.name = ""  # git names the function that stands above: it is over
            here.rows.append(row)
        elif text.startswith("}"):
            here.rows.append(row)
            here.ends = True
            found.append(Piece(""))
        else:
            here.rows.append(row)
    return [p for p in found if p.rows or p.head]


def _begins_in_head(here: Piece, row: Row) -> None:
    """The hunk begins between the name of a function and its `{`."""
    for before in here.rows:
        if ";" in before.text:
            raise NotLifted(
                before.number,
                "whose body this is, is not clear",
                "the head of a function is in one line, in kernel style",
            )
        if (named := re.match(r"(\w+)\(", before.text)) is not None:
            here.name = named[1]
    here.head, here.rows = [*here.rows, row], []


def _opens(rows: Sequence[Row], at: int) -> bool:
    """Is this the head of a function, and no prototype?"""
    for row in rows[at:]:
        if row.text.startswith("{") or row.text.rstrip().endswith("{"):
            return True
        if row.text.rstrip().endswith(";"):
            return False
    return False


def _of_heading(heading: str) -> str:
    listed = _LIST.match(heading)
    if listed is not None:
        return f"{listed[1]} {listed[2]}"
    named = _OF_HEADING.search(heading)
    return named[1] if named else ""


def _flat(hunk: Hunk, first: Piece, rows: Sequence[Row]) -> Piece:
    for at, row in enumerate(rows):
        if (_HEAD.match(row.text) and _opens_next(rows, at)) or _LIST.match(row.text):
            if any(r.changed and r.text.strip() for r in rows[at:]):
                raise NotLifted(row.number, "white space is lost, and the hunk shows more than one function",
                                "get the raw mail")  # fmt: skip
            rows = rows[:at]
            break
    first.rows = list(rows)
    return first


def _opens_next(rows: Sequence[Row], at: int) -> bool:
    return any(row.text.strip() == "{" for row in rows[at + 1 : at + 4]) and not rows[at].text.startswith(
        ("if ", "for ", "while ", "switch ")
    )


def split_defines(rows: Sequence[Row]) -> tuple[list[Row], list[Define]]:
    """The rows without those of #defines and #includes, and what these say."""
    rest, found, at = list[Row](), list[Define](), 0
    while at < len(rows):
        row = rows[at]
        at += 1
        line = re.match(r"[ \t]*#[ \t]*(define|undef|include)\b[ \t]*(\w*)(\(?)(.*)", row.text)
        if line is None:
            rest.append(row)
            continue
        value, of = line[4], [row]
        while value.rstrip().endswith("\\") and at < len(rows):
            value = value.rstrip()[:-1] + rows[at].text
            of.append(rows[at])
            at += 1
        plain = line[1] == "define" and not line[3]
        found.append(Define(line[1], line[2], value.strip() if plain else "", of, line[1] == "define" and not plain))
    return rest, found
