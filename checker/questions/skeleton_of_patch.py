"""Of a C patch that the table does not cover: a class that restates what the functions that it touches are in the model, each
with its C above it, to be written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from checker.errors import UserError
from checker.matrix.lifting import base_of, read_series, table_of
from checker.matrix.roles import registered_name
from checker.questions.skeleton import restatable, skeleton
from checker.stories.write import ascii_text
from lift.patch import Diff, Hunk
from lift.pieces import changed_names
from lift.refusal import NotLifted
from lift.table import FunctionRow, Table


@dataclass
class Touched:
    """c: of each function of the model, the lines of C that change it; others: those of C that the model does not have."""

    c: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    others: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


@dataclass(frozen=True)
class PatchSkeleton:
    """left: what is to be written by hand, a line each."""

    source: str
    left: Sequence[str]


def skeleton_of_patch(name: str, patches: Sequence[str], why: str) -> PatchSkeleton:
    """why: what the lift says. Raises UserError if no function of the model is touched."""
    series = read_series(patches)
    try:
        rows = table_of(series)
    except NotLifted as refused:
        raise UserError(str(refused.in_file(series[0][0]))) from None
    base = base_of(rows.base)
    touched = Touched()
    for _, diff in series:
        _look(diff, rows, touched, set(restatable(base)))
    if not touched.c:
        raise UserError(why)
    below = [line for c, lines in touched.others.items() for line in (f"The model has no {c}:", *lines, "")]
    functions = list(touched.c)
    notes = {f: ["The C that changes it:", *lines] for f, lines in touched.c.items()}
    title = f"NOT WRITTEN YET: {series[0][1].title or series[0][0]}"
    left = [f"{f}(): as it is now; write what its C changes" for f in functions]
    left += [f"{c}: no function of the model; if it matters, say it where it is called" for c in touched.others]
    return PatchSkeleton(skeleton(name, registered_name(base), base, functions, notes, below, title), left)


def _look(diff: Diff, rows: Table, touched: Touched, known: set[str]) -> None:
    for hunk in (h for h in diff.hunks if _is_code(h, rows)):
        changed = dict[str, None]()
        for side in "+-":
            changed |= dict.fromkeys(changed_names(hunk, side))
        lines = [f"| {p.mark}{_as_ascii(p.text)}".rstrip() for p in hunk.lines]
        for c in changed or {"line outside of all functions": None}:
            found = [row.model for row in _rows(rows.of_c(c), hunk) if row.model in known]
            for model in found:
                touched.c.setdefault(model, []).extend([f"{hunk.file}: {c}()", *lines])
            if not found:
                shown = f"{c}()" if c.isidentifier() else c
                touched.others.setdefault(shown, []).extend([f"{hunk.file}:", *lines])


def _is_code(hunk: Hunk, rows: Table) -> bool:
    row = rows.named("files", hunk.file)
    return row is None or not row.why


def _rows(rows: Sequence[FunctionRow], hunk: Hunk) -> Sequence[FunctionRow]:
    """Of a switch, the cases that the hunk names; all, if it names none."""
    text = "\n".join(p.text for p in hunk.lines)
    named = [row for row in rows if not row.case or row.case in text]
    return named or rows


def _as_ascii(text: str) -> str:
    """With its indentation: a tab is four blanks."""
    plain = text.expandtabs(4)
    return plain[: len(plain) - len(plain.lstrip())] + ascii_text(plain)
