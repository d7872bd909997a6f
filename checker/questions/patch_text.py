"""The changed lines of a patch as it was given, in C: what a reviewer has in front of him, beside what the model makes of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from checker.matrix.select import Selection
from checker.questions.model_diff import Hunk

SMALL = 4  # lines of code that a screen has room for


def in_c(asked: Selection) -> list[Hunk]:
    """Hunk by hunk, without what stands around the changes; nothing of a design that is no patch."""
    hunks = asked.lifted.hunks if asked.lifted else ()
    return [
        Hunk(
            of.file, _function(of.heading), tuple(x.mark + x.text for x in of.lines if x.mark != " " and x.text.strip())
        )
        for of in hunks
    ]


def unindented(lines: Sequence[str]) -> list[str]:
    """Each with its mark; what all of them are indented by is gone."""
    codes = textwrap.dedent("\n".join(line[1:].expandtabs() for line in lines)).split("\n")
    return [f"{line[:1]} {code}".rstrip() for line, code in zip(lines, codes, strict=True)]


def small_change(hunks: Sequence[Hunk]) -> list[str]:
    """The lines of a change that is small; comments aside. Of a larger one nothing."""
    code = [[x for x in hunk.lines if not re.match(r".\s*(#|//|/\*.*\*/\s*$|$)", x)] for hunk in hunks]
    return [line for lines in code for line in unindented(lines)] if sum(map(len, code)) <= SMALL else []


def _function(heading: str) -> str:
    """Of what stands behind the second @@: the name of the function, if it is one."""
    named = re.search(r"(\w+)\(", heading)
    return f"{named[1]}()" if named else ""
