"""The preprocessor's conditions around what a patch changes: with which it is compiled, or that nobody knows.

CONFIG_ options are taken as set, as in a tree. A hunk shows the condition that a changed line stands in, or only its end; of
one that it does not show at all nothing can be said. Where less is shown than git shows, that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from lift.accounting import AROUND, LeftOut
from lift.ctokens import Row, without_comments
from lift.patch import Hunk, PatchLine
from lift.refusal import NotLifted

_CONFIG = r"(?:CONFIG_\w+|IS_ENABLED\(CONFIG_\w+\)|defined\(CONFIG_\w+\)|defined CONFIG_\w+)"
YES = re.compile(rf"(?:ifdef CONFIG_\w+|if {_CONFIG}(?: && {_CONFIG})*)$")
NO = re.compile(rf"(?:ifndef CONFIG_\w+|if ?!{_CONFIG}|if 0)$")
_LABEL = re.compile(r"\w+:\s*$")
CONTEXT = 3  # lines around a change, as git makes them
DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b(.*)")


@dataclass
class _Branch:
    """From an #if or #else on. said: its condition; "" if it does not matter. inside: what is changed in it."""

    at: Row
    said: str
    inside: list[Row] = field(default_factory=list[Row])


def conditions_around(hunk: Hunk, file: str) -> list[LeftOut]:
    """What is assumed of the lines that are changed. Raises NotLifted for one that may not be compiled."""
    return [
        LeftOut(
            file,
            branch.at.number,
            f"`#{branch.said}` holds",
            "CONFIG_ options are taken as set",
            "assumed",
            False,
            AROUND,
        )
        for dropped in "+-"
        for branch in _branches(without_comments(hunk.side(dropped)), is_last=_ends_a_header(hunk))
        if branch.inside and branch.said and _is_compiled(branch)
    ]


def not_shown(hunks: Sequence[Hunk], file: str) -> list[LeftOut]:
    """Of one diff: hunks with so little context that an #if in the same function, around what is changed, may not be seen."""
    short = [(hunk, row) for hunk in hunks for row in _little_shown(hunk)[:1]]
    if not short:
        return []
    (hunk, first), more = short[0], len(short) - 1
    what = "no `#if` that is not shown stands around it" + f", nor in {more} more" * bool(more)
    lines = max(map(len, _context(hunk)))
    why = f"its hunk has {lines} line{'s' * (lines != 1)} of context, and git makes {CONTEXT}; --tree reads the whole"
    return [LeftOut(file, first.number, what, why, "assumed", False, AROUND)]


def _little_shown(hunk: Hunk) -> list[Row]:
    """The code that is changed, where no end of a function or of a declaration is shown, nor as many lines as git shows. At the
    begin and end of a file it shows fewer on one side."""
    code = [row for side in "+-" for row in without_comments(hunk.side(side)) if row.text.strip()]
    outside = not hunk.flat and any(row.text[0] not in " \t#" and not _LABEL.match(row.text) for row in code)
    if outside or max(map(len, _context(hunk))) >= CONTEXT:
        return []
    return [row for row in code if row.changed]


def _context(hunk: Hunk) -> list[list[PatchLine]]:
    """The lines above all that is changed, and those below."""
    return [list(takewhile(lambda line: line.mark == " ", lines)) for lines in (hunk.lines, hunk.lines[::-1])]


def _branches(rows: Sequence[Row], *, is_last: bool) -> Iterator[_Branch]:
    """Each branch with its changed lines. Raises NotLifted for such a line where only the end of its branch is shown."""
    above, around = list[Row](), list[_Branch]()  # in no condition that is shown to begin; those that are
    for at, row in enumerate(rows):
        directive = DIRECTIVE.match(row.text)
        if directive is None:
            for inside in ([branch.inside for branch in around] or [above]) if row.changed and row.text.strip() else ():
                inside.append(row)
            continue
        word, said = directive[1], " ".join(f"{directive[1]} {directive[2]}".split())
        if word.startswith("if"):
            around.append(_Branch(row, "" if _is_guard(said, rows[at + 1 :]) else said))
            continue
        if around:
            if around[-1].inside and word != "endif":
                what = f"`{row.text.strip()}` in the hunk: what is changed stands in one of two branches"
                raise NotLifted(row.number, what, "write this one by hand")
            yield around.pop()
        elif above and not (is_last and not any(r.text.strip() for r in rows[at + 1 :])):
            what = f"`{above[0].text.strip()}` stands in a condition that the hunk does not show to begin; `#{word}` ends it"
            raise NotLifted(above[0].number, what, "make the patch with more context (git format-patch -U20)")
        around += [_Branch(row, said)] if word != "endif" else []
    yield from around


def _is_compiled(branch: _Branch) -> bool:
    """Raises NotLifted."""
    if YES.match(branch.said):
        return True
    first = branch.inside[0]
    known = "is not compiled where CONFIG_ options are set" if NO.match(branch.said) else "may not be compiled"
    known = "is not compiled" if branch.said == "if 0" else known
    what = f"`{first.text.strip()}` stands in `#{branch.said}`, and {known}"
    raise NotLifted(first.number, what, "write this one by hand")


def _is_guard(said: str, below: Sequence[Row]) -> bool:
    """Of a header: #ifndef NAME, #define NAME."""
    after = next((row.text.split() for row in below if row.text.strip()), [])
    return said.startswith("ifndef ") and after[:2] == ["#define", said.split()[1]]


def _ends_a_header(hunk: Hunk) -> bool:
    """Less context below than above: no line of the file follows, and its last #endif is that of the guard."""
    above, below = map(len, _context(hunk))
    return hunk.file.endswith(".h") and below < above
