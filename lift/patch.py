"""The diffs that a text holds, and where each comes from. A diff that somebody quotes is a copy, and none."""

from __future__ import annotations

import contextlib
import email
import email.policy
import email.utils
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.header import decode_header, make_header
from itertools import pairwise

from checker.stories.mail import Line, plain
from checker.stories.trace import StoryError
from lift.ctokens import Row
from lift.lost import check_behind, check_head, check_parts
from lift.refusal import NotLifted

_GIT = re.compile(r"diff --git a/(\S+) b/(\S+)$")
_PLUS = re.compile(r"\+\+\+ (?:b/)?(\S+)")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@ ?(.*)")
_QUOTED = re.compile(r"\s*(?:[>|]\s*)+(?:diff --git |@@ -\d)")
_FIELD = re.compile(r"(From|Date|Subject|Message-ID): (.*)", re.I)
_HEADERS = re.compile(r"(?:From [^\n]*\n)?(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}\n")
_MAIL_BEGINS = re.compile(r"(?:\A\n*|(?<=\n\n))(?=From [^\n]*\d\d:\d\d[^\n]*\n[!-9;-~]+:)|\A\n*")
_MAIL_ENDS = re.compile(r"-- ?$|From [^\n]*\d\d:\d\d")
_NUMBERED = re.compile(r"\[([^]]*?)(\d+)/(\d+)\]")
_NO_TEXT = ("GIT binary patch", "Binary files ", "rename from ", "deleted file mode ")
MOST = 99  # patches of a series


@dataclass(frozen=True)
class PatchLine:
    mark: str  # "+", "-" or " "
    text: str
    number: int


@dataclass(frozen=True)
class Hunk:
    file: str
    heading: str  # what stands behind the second @@
    line: int
    lines: tuple[PatchLine, ...]
    flat: bool = False  # the white space at the begins of lines is lost

    def side(self, dropped: str) -> list[Row]:
        return [Row(p.text, p.number, p.mark != " ") for p in self.lines if p.mark != dropped]

    def reversed(self) -> Hunk:
        turned = {"+": "-", "-": "+", " ": " "}
        return replace(self, lines=tuple(replace(p, mark=turned[p.mark]) for p in self.lines))


@dataclass
class Head:
    """Where a file is named, and what git says of it there."""

    file: str
    line: int
    hunks: int = 0
    said: list[str] = field(default_factory=list[str])

    @property
    def is_all(self) -> bool:
        """No lines are changed: another mode, or a new file that is empty."""
        modes, index = (any(text.startswith(word) for text in self.said) for word in ("old mode ", "index "))
        return (modes and not index) or any("..e69de29" in text for text in self.said)


@dataclass
class Diff:
    """One patch of a text; what its mail does not say of it is empty."""

    line: int
    hunks: list[Hunk] = field(default_factory=list[Hunk])
    heads: list[Head] = field(default_factory=list["Head"])
    title: str = ""
    author: str = ""
    date: str = ""
    msgid: str = ""

    def named(self, file: str, line: int, *, again: bool) -> None:
        """again: by `---` and `+++`, which may stand below git's head."""
        if not (again and self.heads and self.heads[-1].file == file and not self.heads[-1].hunks):
            self.heads.append(Head(file, line))


def diffs(text: str) -> list[Diff]:
    """In the order of the text. Raises NotLifted."""
    try:
        mail = plain(text.replace("\0", "\ufffd"))
    except (StoryError, RecursionError, ValueError, LookupError) as error:
        raise NotLifted(1, f"the mail cannot be decoded: {error}") from None
    lines = mail.lines
    check_parts(mail.unread)
    found = _read(lines if not any(line.text.startswith(" diff --git a/") for line in lines) else _dedented(lines))
    found = [diff for diff in found if diff.hunks]
    if not found:
        raise _no_diff(lines)
    for diff in found:
        _provenance(diff, text, lines)
    return found


def _read(lines: Sequence[Line]) -> list[Diff]:
    """Line by line. What looks like a part of a diff, and belongs to none, is refused."""
    found, at, file, goes_on, behind = list[Diff](), 0, "", False, False
    while at < len(lines):
        line, at = lines[at], at + 1
        git, after = _GIT.match(line.text), None
        if line.text.startswith("--- ") and at < len(lines):
            after = _PLUS.match(lines[at].text)
        if git is not None or after is not None:
            if after is not None and after[1] == "/dev/null":
                raise NotLifted(line.number, "the patch removes a file")
            file, at = (git[2], at) if git is not None else (after[1] if after is not None else "", at + 1)
            found += [] if goes_on else [Diff(line.number)]
            found[-1].named(file, line.number, again=after is not None)
            goes_on = behind = True
        elif (head := _HUNK.match(line.text)) is not None:
            if not goes_on:
                what = "a hunk without the name of its file"
                raise NotLifted(line.number, what, "give the diff from its `diff --git` line on")
            hunk, at = _hunk(lines, at, head, file, line.number)
            found[-1].hunks.append(hunk)
            found[-1].heads[-1].hunks += 1
        else:
            check_head(line)
            if goes_on:
                found[-1].heads[-1].said.append(line.text)
                goes_on = not _ends(line, found[-1])
            behind = behind and not _MAIL_ENDS.match(line.text)
            if behind:
                check_behind(line)
    for diff in found:
        _check_heads(diff)
    return found


def _check_heads(diff: Diff) -> None:
    """Raise NotLifted for a file of which no change can be read: its hunks are lost."""
    lost = next((head for head in diff.heads if not head.hunks and not head.is_all), None)
    if lost is not None:
        what = f"no hunk of {lost.file} can be read"
        raise NotLifted(lost.line, what, "lines of the mail are lost: get the raw one")


def _ends(line: Line, diff: Diff) -> bool:
    """Is this line prose, after a diff? Raises NotLifted for what is no change of lines, and for lines too many."""
    if line.text.startswith(_NO_TEXT):
        raise NotLifted(line.number, f"`{line.text}` is no change of lines")
    if diff.hunks and line.text[:1] in ("+", "-", " ", "\t") and line.text.strip() and not line.text.startswith("--"):
        raise NotLifted(line.number, f"the hunk before `{line.text}` is longer than its @@ line says",
                        "count its lines again, or get the raw mail")  # fmt: skip
    return _is_prose(line.text)


def _dedented(lines: Sequence[Line]) -> list[Line]:
    """A text that was flowed has a blank before each line."""
    return [Line(line.text.removeprefix(" "), line.number) for line in lines]


def _is_prose(text: str) -> bool:
    of_git = ("index ", "new file mode", "old mode", "new mode", "similarity", "rename to", "\\ No newline")
    of_others = ("diff -", "Only in ", "Index: ", "=" * 20)  # diff -urp, quilt
    return bool(text.strip()) and not text.startswith((*of_git, *of_others)) and text.rstrip() != "--"


def _no_diff(lines: Sequence[Line]) -> NotLifted:
    quoted = next((line.number for line in lines if _QUOTED.match(line.text)), 0)
    if quoted:
        return NotLifted(quoted, "only a quoted copy of a diff is in it", "give the mail that it is quoted from")
    return NotLifted(1, "there is no diff in it", "give the mail or the file that holds the patch")


def _hunk(lines: Sequence[Line], at: int, head: re.Match[str], file: str, number: int) -> tuple[Hunk, int]:
    old, new = int(head[1] or 1), int(head[2] or 1)
    out, flat, wrapped = list[PatchLine](), True, None
    while old > 0 or new > 0:
        line = lines[at] if at < len(lines) else Line("@@ -", lines[-1].number)
        mark = line.text[:1]
        if line.text.startswith(("@@ -", "diff --git ")) or line.text.rstrip() == "--":  # "-- " ends what git mails
            raise NotLifted(line.number, f"the hunk of line {number} is shorter than its @@ line says",
                            "count its lines again; or lines of the mail are lost: get the raw one")  # fmt: skip
        at += 1
        if mark == "\\":
            continue
        mark = mark if mark in ("+", "-") else " "
        text = line.text[1:] if line.text[:1] in ("+", "-", " ") else line.text
        flat = flat and (not line.text.strip() or (line.text[:1] != " " and text[:1] != "\t"))
        old, new = old - (mark != "+"), new - (mark != "-")
        if old < 0 or new < 0:
            raise NotLifted(line.number, f"the hunk of line {number} has other lines than its @@ line says",
                            "count its lines again; or lines of the mail are lost or wrapped: get the raw one")  # fmt: skip
        out.append(PatchLine(mark, text, line.number))
        wrapped = wrapped or (line if line.text[:1] not in ("+", "-", " ", "\t", "") else None)
    if wrapped is not None and not flat:
        raise NotLifted(wrapped.number, f"`{wrapped.text.strip()}` has neither + nor - nor a blank before it",
                        "a mail wrapped the line above: join them, or get the raw one")  # fmt: skip
    return Hunk(file, head[3], number, tuple(out), flat), at


# --- where it comes from


def _provenance(diff: Diff, text: str, lines: Sequence[Line]) -> None:
    """The headers of the mail that holds the diff, and what stands in its body as git writes it: From, Date, Subject."""
    unix = text.replace("\r\n", "\n")
    begin = max((m.end() for m in _MAIL_BEGINS.finditer(unix) if unix.count("\n", 0, m.end()) < diff.line), default=0)
    headers = _HEADERS.match(unix, begin)
    first = 0
    if headers is not None:
        first = unix.count("\n", 0, headers.end())
        mail = email.message_from_string(re.sub(r"\AFrom [^\n]*\n", "", headers[0]), policy=email.policy.compat32)
        _say(diff, {k: _decoded(str(mail.get(k, ""))) for k in ("Subject", "From", "Date", "Message-ID")})
    above = [line.text for line in lines if first < line.number < diff.line]
    _say(diff, _in_body(above))


def _decoded(value: str) -> str:
    """=?utf-8?q?...?=, folded lines."""
    with contextlib.suppress(ValueError, LookupError):
        value = str(make_header(decode_header(value)))
    return " ".join(value.split())


def _in_body(above: Sequence[str]) -> dict[str, str]:
    """The last block of such lines that no end of a mail follows."""
    found, at = dict[str, str](), len(above) - 1
    while at >= 0 and not _FIELD.match(above[at]) and above[at].rstrip() != "--":
        at -= 1
    while at >= 0 and (above[at][:1] == " " or _FIELD.match(above[at])):
        if (field_ := _FIELD.match(above[at])) is not None:
            rest = at + 1
            value = field_[2]
            while rest < len(above) and above[rest][:1] == " " and above[rest].strip():
                value, rest = f"{value} {above[rest].strip()}", rest + 1
            found[{"message-id": "Message-ID"}.get(field_[1].lower(), field_[1].capitalize())] = value.strip()
        at -= 1
    return found


def _say(diff: Diff, said: dict[str, str]) -> None:
    diff.title = said.get("Subject") or diff.title
    author = said.get("From", "")
    diff.author = email.utils.parseaddr(author)[0] or author or diff.author
    diff.date = _date(said.get("Date", "")) or diff.date
    diff.msgid = said.get("Message-ID", "").strip("<>") or diff.msgid


def _date(text: str) -> str:
    try:
        return email.utils.parsedate_to_datetime(text).date().isoformat() if text else ""
    except (ValueError, TypeError):
        return text


def chosen(found: Sequence[Diff], nth: int) -> list[Diff]:
    """One diff, or the patches of a series. nth: from 1; 0 if nobody said it. Raises NotLifted: nothing is guessed."""
    if nth:
        if nth > len(found):
            raise NotLifted(1, f"there is no diff {nth} in it: it holds {len(found)}")
        return [found[nth - 1]]
    numbered = [_NUMBERED.search(diff.title) for diff in found]
    of = {m[3] for m in numbered if m}
    places = [int(m[2]) for m in numbered if m]
    if len(found) == 1 or (len(of) == 1 and len(set(places)) == len(found)):
        return (
            [d for _, d in sorted(zip(places, found, strict=True), key=lambda p: p[0])]
            if len(found) > 1
            else list(found)
        )
    listed = "; ".join(f"{n}: line {d.line}{f', {d.title}' if d.title else ''}" for n, d in enumerate(found, 1))
    which = f"say which, by :1 to :{len(found)} behind the file's name: {listed}"
    raise NotLifted(found[1].line, f"it holds {len(found)} diffs, and they are no numbered series", which)


def check_order(series: Sequence[tuple[str, Diff]]) -> list[str]:
    """What of a numbered series is not given, as `2/3`. Raises NotLifted for a diff that is there twice, for two series,
    and for a wrong order: what is applied in another order is another kernel."""
    for at, (file, diff) in enumerate(series):
        for before, other in series[:at]:
            if _changes(diff) == _changes(other):
                what = f"this diff is in {before}:{other.line} already"
                raise NotLifted(diff.line, what, "give each patch of a series once", file)
    named = [(file, diff, m) for file, diff in series if (m := _NUMBERED.search(diff.title))]
    for (before, _, a), (file, diff, b) in pairwise(named):
        if (a[1].split(), a[3]) != (b[1].split(), b[3]):
            what = f"{b[0]} is of another series than {a[0]} of {before}"
            raise NotLifted(diff.line, what, "give the mails of one series", file)
        if int(a[2]) >= int(b[2]):
            what = f"{b[0]} stands behind {a[0]} of {before}"
            raise NotLifted(diff.line, what, "give the patches of a series in their order", file)
    given = {int(m[2]) for _, _, m in named}
    return [f"{n}/{m[3]}" for *_, m in named[:1] for n in range(1, min(int(m[3]), MOST) + 1) if n not in given]


def _changes(diff: Diff) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(h.file, [(p.mark, p.text) for p in h.lines]) for h in diff.hunks]
