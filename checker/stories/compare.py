"""Whether the text of a story is what the ordinary writer says of its run: all of it, wrapping and quoting aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BARS = re.compile(r"[|>]*")  # what stands at the left of a line may be a lane's or a mail program's


@dataclass(frozen=True)
class StoryLine:
    """A line of a mail without quoting. `mark`: what was taken off, without blanks. `number`: its line in the file."""

    text: str
    mark: str
    number: int


@dataclass(frozen=True)
class TextDifference:
    """The first place where a text and the run's own story part. `length`: how much of the story agrees. of_bars: only the
    bars at the left of a line differ, which a text's digest does not see."""

    text: str
    length: int
    of_bars: bool = False

    def __str__(self) -> str:
        return self.text


def first_difference(lines: Sequence[StoryLine], story: str, whole: bool) -> TextDifference | None:
    """The first difference between these lines and a run's own story, or None.

    Lines with other marks than the first one are remarks of somebody else, unless the story goes on in them: mail
    programs break long lines. whole: nothing may follow the story's end.
    """
    rows = [row for row in story.splitlines() if row.strip()]
    wanted = "".join(map(_dense, rows))
    whole_rows, at = _rows_by_place(rows), 0
    for line in lines:
        said = _dense(line.text).lstrip("|>")
        if not said or (at == len(wanted) and not whole):
            continue
        begin = at + len(_BARS.match(wanted[at:])[0])  # type: ignore[index]
        row = whole_rows.get(begin, "")
        of_row = _dense(line.mark.removeprefix(lines[0].mark) + line.text)
        bare = row.lstrip("|>")
        if of_row.lstrip("|>") == bare:  # a sentence that begins as a mail program's mark does
            said = bare
        common = _common(said, wanted[begin:])
        before = of_row.removesuffix(row)  # marks of others who quoted it: of what is as deep as the headline, no bars
        as_deep = line.mark.startswith(lines[0].mark)
        if said == bare and (not of_row.endswith(row) or (as_deep and "|" in before)):
            return TextDifference(
                f"line {line.number} has not the bars of the run's `{_plain(line.text)}`", begin, True
            )
        if common == len(said) or (begin + common == len(wanted) and not whole):
            at = begin + common
        elif line.mark.startswith(lines[0].mark):
            says = _row_at(rows, begin + common)
            return TextDifference(f"line {line.number} says `{_plain(line.text)}`; the run says {says}", begin + common)
    at += len(_BARS.match(wanted[at:])[0])  # type: ignore[index]
    if at < len(wanted):
        last = lines[-1].number if lines else 0
        return TextDifference(f"the text ends at line {last}; the run says {_row_at(rows, at)}", at)
    return None


def _rows_by_place(rows: Sequence[str]) -> dict[int, str]:
    """Place in the story's text without blanks, behind the bars at the left of a row -> the row without blanks."""
    found, at = dict[int, str](), 0
    for row in map(_dense, rows):
        found[at + len(row) - len(row.lstrip("|>"))] = row
        at += len(row)
    return found


def _dense(text: str) -> str:
    return "".join(text.split())


def _plain(text: str) -> str:
    """A row without its lanes' bars at the left, in one blank each."""
    return " ".join(text.lstrip("| ").split())


def _common(said: str, wanted: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(said, wanted, strict=False)) if a != b), min(len(said), len(wanted)))


def _row_at(rows: Sequence[str], place: int) -> str:
    """The row of a story that has this place of its text without blanks."""
    for row in rows:
        place -= len(_dense(row))
        if place < 0:
            return f"`{_plain(row)}`"
    return "nothing more"
