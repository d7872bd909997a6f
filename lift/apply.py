"""A patch applied to the text of a file: each hunk stands there once, or the patch is for another kernel."""

from __future__ import annotations

from collections.abc import Sequence

from lift.patch import Hunk
from lift.refusal import NotLifted

FUZZ = 2  # lines of context that may be other ones at each end, as patch(1) has it


def applied(text: str, hunks: Sequence[Hunk], kernel: str) -> tuple[str, list[tuple[Hunk, int]]]:
    """The text after these hunks of one file, and the hunks that stand there with other lines around, and how many. White
    space is not compared. Raises NotLifted."""
    lines, fuzzy = text.split("\n"), list[tuple[Hunk, int]]()
    for hunk in hunks:
        lines, fuzz = _applied(lines, hunk, kernel)
        fuzzy += [(hunk, fuzz)] if fuzz else []
    return "\n".join(lines), fuzzy


def _applied(lines: list[str], hunk: Hunk, kernel: str) -> tuple[list[str], int]:
    old, new = ([row.text for row in hunk.side(dropped)] for dropped in "+-")
    before, behind = _context(hunk), _context(hunk, backwards=True)
    for fuzz in range(FUZZ + 1):
        front, back = min(fuzz, before), min(fuzz, behind)
        wanted, instead = old[front : len(old) - back], new[front : len(new) - back]
        if not any(row.strip() for row in wanted):
            break
        places = _places(lines, wanted)
        if len(places) > 1:
            what = f"this hunk stands at {len(places)} places of {hunk.file} of {kernel}"
            raise NotLifted(hunk.line, what, "make the patch with more context (git format-patch -U8)")
        if places:
            return [*lines[: places[0]], *instead, *lines[places[0] + len(wanted) :]], fuzz
    if _places(lines, new):
        raise NotLifted(
            hunk.line,
            f"this hunk is in {hunk.file} of {kernel} already",
            "-R takes it away; where -R was given, leave it out",
        )
    missing = next((row for row in old if row.strip() and not _places(lines, [row])), "")
    there = f": `{missing.strip()}` is not in it" if missing else ""
    what = f"this hunk does not apply to {hunk.file} of {kernel}{there}"
    raise NotLifted(hunk.line, what, "the patch is for another kernel: give its tree, or rebase the patch")


def _context(hunk: Hunk, *, backwards: bool = False) -> int:
    """Lines of context at an end."""
    lines = hunk.lines[::-1] if backwards else hunk.lines
    return next((n for n, line in enumerate(lines) if line.mark != " "), len(lines))


def _places(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    squeezed, sought = ["".join(line.split()) for line in lines], ["".join(line.split()) for line in wanted]
    return [n for n in range(len(lines) - len(wanted) + 1) if squeezed[n : n + len(wanted)] == sought]
