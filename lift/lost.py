"""What of a text belongs to no diff that is read, and looks like a part of one: a change that nobody looks at is no PASS."""

from __future__ import annotations

import re
from collections.abc import Iterable

from checker.stories.mail import Line, Unread
from lift.refusal import NotLifted

_MARKED = re.compile(r"\s*[>|]")  # quoted
_HUNK = re.compile(r"\s*@@+ *[-+]\d|\s*@@@")
_MERGE = re.compile(r"\s*diff --(?:cc|combined) ")
_CONTEXT = re.compile(r"\s*\*{15}\s*$|\*{3} \d+,\d+ \*{4}$")  # of `diff -c`
_INDENTED = re.compile(r"\s+(?:diff --git a/|--- a/|\+\+\+ b/)")
_CHANGE = re.compile(r"[+-](?:\t| {2,}\S|[#{}*/])|[+-](?![+-]).*[;{}]\s*$")
_DIFF = re.compile(r"^\s*(?:diff --|--- \S|\+\+\+ \S|@@+ -\d)", re.M)
_OF_PATCHES = re.compile(r"\.(?:patch|diff|eml|mbox)(?:\.\w+)?$|\.(?:tar|tgz|zip)\b")
_RAW = "get the raw mail, or the file that the patch is made of"


def check_head(line: Line) -> None:
    """Raise NotLifted for what looks like a head within a diff, and is none that is read."""
    if _MARKED.match(line.text):
        return
    if _HUNK.match(line.text):
        raise NotLifted(line.number, f"`{line.text.strip()}` is no head of a hunk that can be read", _RAW)
    if _MERGE.match(line.text):
        raise NotLifted(line.number, "a diff of a merge is not read", "give the diff against one parent (git diff A B)")
    if _CONTEXT.match(line.text):
        raise NotLifted(line.number, "a context diff is not read", "make it with `diff -u`")
    if _INDENTED.match(line.text):
        raise NotLifted(line.number, "a diff that is indented is not read", f"{_RAW}; or quote it, by `> `")


def check_behind(line: Line) -> None:
    """Raise NotLifted for what looks like a change, and stands behind a diff."""
    if _CHANGE.match(line.text):
        raise NotLifted(line.number, f"`{line.text.strip()}` looks like a change, and is of no hunk", _RAW)


def check_parts(unread: Iterable[Unread]) -> None:
    """Raise NotLifted for a part of the mail that is not read and may be a patch. What is also there as HTML is not."""
    for part in unread:
        if part.kind != "text/html" and (_OF_PATCHES.search(part.name) or _DIFF.search(part.content)):
            what = f"the attachment{f' {part.name}' * bool(part.name)} ({part.kind}) is not read, and may be a patch"
            raise NotLifted(part.number, what, "save it, and give it in its place, or without it the mail")
