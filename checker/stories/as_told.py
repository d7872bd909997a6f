"""Whether a run changes what its story tells, line by line (those with a `=`)."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from checker.stories.story import change_rows
from checker.stories.story_parser import ParsedStory, ToldChange
from checker.stories.trace import Trace


def first_difference(story: ParsedStory, trace: Trace, whole: bool) -> str:
    """The first line that tells something else than the run's own story would, or "".

    trace: the story's steps, run again, or, if not `whole`, the first of them: then the lanes, which come from all
    steps and say how much fits a row, are not compared. Blanks do not count, and a line may be cut anywhere. A story without any such line was
    told without them.
    """
    if not any(story.changes):
        return ""
    for number, (told, happens) in enumerate(zip(story.changes, change_rows(trace), strict=False), 1):
        if not whole:
            told = [replace(one, text=text) for one in told for text in _said(one.text).split(", ")]
            happens = [text for row in happens for text in _said(row).split(", ")]
        for one, row in zip_longest(told, happens):
            if one is None:
                return f"line {story.lines[number - 1]}: step {number} also does `{_said(row)}`, which is not told"
            if row is None:
                return f"line {one.line} tells `{_said(one.text)}`, which step {number} does not do"
            if not _agrees(one, row):
                return f"line {one.line} tells `{_said(one.text)}`; what step {number} does: `{_said(row)}`"
    return ""


def _agrees(told: ToldChange, row: str) -> bool:
    begins, all_of_it = "".join(told.text.split()), "".join(row.split())
    return all_of_it.startswith(begins) and (begins + "".join(told.below.split())).startswith(all_of_it)


def _said(row: str) -> str:
    """A row's text, behind its lanes."""
    return " ".join(row.lstrip("=| ").split())
