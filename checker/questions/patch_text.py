"""The changed lines of a patch as it was given, in C: what a reviewer has in front of him, beside what the model makes of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checker.matrix.select import Selection
from checker.questions.model_diff import Hunk
from checker.stories.write import ascii_text

if TYPE_CHECKING:
    from lift.patch import Hunk as CHunk

_BEGINS = re.compile(r"[a-z].*?\b(\w+)\([^;]*$")  # a function, at the begin of a line
_COMMENT = re.compile(
    r".\s*(//.*|/\*((?!\*/).)*(\*/\s*)?|\*( .*|/?))?$"
)  # a line that is nothing but comment, or empty
SMALL = 4  # lines of code that a screen has room for


def in_c(asked: Selection) -> list[Hunk]:
    """Hunk by hunk, without what stands around the changes; nothing of a design that is no patch."""
    hunks = asked.lifted.hunks if asked.lifted else ()
    return [
        Hunk(of.file, _function(of), tuple(x.mark + x.text for x in of.lines if x.mark != " " and x.text.strip()))
        for of in hunks
    ]


def unindented(lines: Sequence[str]) -> list[str]:
    """Each with its mark, in letters that a terminal takes for such; what all of them are indented by is gone."""
    if not lines:
        return []
    codes = textwrap.dedent("\n".join(_plain(line[1:].expandtabs()) for line in lines)).split("\n")
    return [f"{line[:1]} {code}".rstrip() for line, code in zip(lines, codes, strict=True)]


def _plain(code: str) -> str:
    return " " * (len(code) - len(code.lstrip())) + ascii_text(code)


def small_change(model: Sequence[Hunk], patch: Sequence[Hunk]) -> list[str]:
    """The lines of a change that is small; comments aside. Of a larger one nothing. patch: in C, which is shown if it is of the
    same functions: else some of it is left out of the model, and it is not what was judged."""
    same = {hunk.name for hunk in patch} == {hunk.name for hunk in model}
    hunks = patch if same else () if patch else model
    code = [[line for line in hunk.lines if not _COMMENT.match(line)] for hunk in hunks]
    return [line for lines in code for line in unindented(lines)] if sum(map(len, code)) <= SMALL else []


def _function(hunk: CHunk) -> str:
    """In which its first change is: the last one that begins before it, else what stands behind the second @@."""
    named = re.search(r"(\w+)\(", hunk.heading)
    for line in hunk.lines:
        if line.mark != " ":
            break
        named = _BEGINS.match(line.text) or named
    return f"{named[1]}()" if named else ""
