"""What mail programs put before each line of a mail that they quote, undone.

Marks like `>`, `> >`, `|` and `ab>` go wherever they stand: a story needs none of its bars at the left. Anything else
(`:`, `#`, the `+` of a diff) goes if it stands before a headline and, the same, before the lines below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_MARKS = re.compile(r"\s*(?:(?:[A-Za-z]{1,4}>|[>|])\s*)*")
_HEADLINE = re.compile(r"(?P<before>.*?)(?<!\w)(?:[\w./-]*\.py:)?[A-Za-z_]\w*: (?:VIOLATED|REACHED) in \d")
_STEP = re.compile(
    r"(?P<before>.*?)(?<!\d)(?P<number>\d{1,9})(?:-\d+)?\s(?=[|\s]*\*)[|*\s]+(?:set-up: )?[^|*\s][^\s(]*\("
)
_ENOUGH = 3  # lines that begin alike, of the next twelve: these are marks


def unquoted(lines: Sequence[str]) -> list[str]:
    """The lines without marks, blanks at their ends, and bars at their left."""
    bare = [_unmarked(line) for line in lines]
    for index in range(len(bare)):
        mark = _before_headline(bare[index])
        if mark and _is_repeated(mark, bare[index + 1 : index + 13]):
            bare[index:] = [_unmarked(line.removeprefix(mark)) for line in bare[index:]]
    return bare


def _unmarked(line: str) -> str:
    found = _MARKS.match(line)
    return line[found.end() if found else 0 :].rstrip()


def _before_headline(line: str) -> str:
    """What stands before a headline in its line, or ""."""
    found = _HEADLINE.match(line)
    return found["before"].rstrip() if found else ""


def _is_repeated(mark: str, below: Sequence[str]) -> bool:
    """Whether enough of the next lines begin with this, and it is no word or number, which the lines of a story have."""
    return not mark[-1].isalnum() and sum(line.startswith(mark) and line != mark for line in below) >= _ENOUGH


def before_step(line: str, number: int) -> str:
    """What stands before the step of this number, if the line looks like one; or ""."""
    found = _STEP.match(line)
    before = found["before"].strip() if found and int(found["number"]) == number else ""
    return "" if before in ("+", "+>") else before  # the loop's edge


def hidden(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Headlines (line index, what stands before it) that something sticks to: nobody reads a headline there, but a
    first step follows."""
    found = [(index, before) for index, line in enumerate(lines) if (before := _before_headline(line))]
    for index, before in found:
        glued = not re.match(re.escape(before) + r"\s", lines[index])
        until = next((i for i, line in enumerate(lines) if i > index and _HEADLINE.match(line)), len(lines))
        if glued and any(before_step(line, 1) for line in lines[index + 1 : until]):
            yield index, before
