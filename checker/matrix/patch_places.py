"""Where in its mail a lifted patch changes a function of the model: file and line in C, as nobody has the class on disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lift.ctokens import Row, without_comments
from lift.patch import Diff, Hunk
from lift.pieces import pieces, split_defines
from lift.refusal import NotLifted
from lift.table import Table

USES = "uses "  # of a function whose own lines are as they were: then the #defines that are not
_CASE = re.compile(r"\s*case (\w+):")


def place_of(function: str, how: str, series: Sequence[tuple[str, Diff]], rows: Table) -> tuple[str, int]:
    """The first added line of the C that the function stands for (the first removed one, where none is), or of a #define that it uses; where neither is shown, of a hunk
    that names it, or else of the series. how: where the function comes from."""
    hunks = [(file, hunk) for file, diff in series for hunk in diff.hunks]
    cases = {row.c: row.case for row in rows.functions if row.model == function} | {function: ""}
    defines = set(how.removeprefix(USES).split(", ")) if how.startswith(USES) else set[str]()
    for file, hunk in hunks:
        for dropped in "-+":  # what is added, if anything is
            if found := [*_in_functions(hunk, dropped, cases), *_in_defines(hunk, dropped, defines)]:
                return file, min(found)
    named = re.compile(rf"\b{re.escape(function)}\b")
    own = [(f, h) for f, h in hunks if named.search(h.heading) or any(named.search(line.text) for line in h.lines)]
    file, hunk = (own or hunks)[0]
    changed = [line for line in hunk.lines if line.mark != " "]
    code = [line for line in changed if not re.match(r"\s*(/\*|\*|//|$)", line.text)]
    return file, next((line.number for line in code or changed), hunk.line)


def _in_functions(hunk: Hunk, dropped: str, cases: dict[str, str]) -> Iterator[int]:
    """cases: C function -> the case of it that is meant, if one is."""
    try:
        found = [piece for piece in pieces(hunk, dropped) if piece.name in cases]
    except NotLifted:
        return
    for piece in found:
        rows = [*piece.head, *_of_case(piece.rows, cases[piece.name])]
        yield from (row.number for row in rows if row.changed and row.text.strip())


def _of_case(rows: Sequence[Row], case: str) -> Iterator[Row]:
    """What a hunk begins with may be of any."""
    shown = ""
    for row in rows:
        label = _CASE.match(row.text)
        shown = label[1] if label else shown
        if not case or shown in ("", case):
            yield row


def _in_defines(hunk: Hunk, dropped: str, names: set[str]) -> Iterator[int]:
    defines = split_defines(without_comments(hunk.side(dropped)))[1] if names else []
    yield from (row.number for one in defines if one.name in names for row in one.rows if row.changed)
