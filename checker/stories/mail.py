"""The text of a mail as people read it, line by line, with the lines of the file that it comes from.

Raw mails (with headers), mailboxes and patches of `git format-patch` are decoded: the parts that are text and not
HTML, their transfer encodings, format=flowed (RFC 3676). Any other text is taken as it is, but for lines in
quoted-printable: somebody pasted them.
"""

from __future__ import annotations

import base64
import email
import quopri
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from checker.errors import UserError
from checker.stories.trace import StoryError

LONGEST = 20_000_000  # characters of a text, 2 of three mails with attachments
_FIELD = r"[!-9;-~]+:"  # the name of a header field
_HEADERS = re.compile(rf"(?:From [^\n]*\n)?(?:{_FIELD}[^\n]*\n(?:[ \t][^\n]*\n)*)+(?:\n|\Z)")
_OF_MAILS = re.compile(
    r"^(?:from|subject|date|message-id|mime-version|received|content-type|content-transfer-encoding):", re.I | re.M
)
_NEXT_MAIL = re.compile(rf"(?:\A|(?<=\n\n))(?=From [^\n]*\d\d:\d\d[^\n]*\n{_FIELD})")
_QUOTES = re.compile(r"(?:> ?)*")
_ENCODED = re.compile(r"(?!.*\w=(?!3D)).*\w=3D\w")  # every equals sign behind a word, at least one
_ALL_ENCODED = re.compile(r"(?:[^=]|=[0-9A-F]{2})*=?")


@dataclass(frozen=True)
class Line:
    """A line without its end, and the number of the line of the file (from 1) that it begins in."""

    text: str
    number: int


@dataclass(frozen=True)
class Unread:
    """A part of a mail that is not read. kind: its type, such as text/html; number: the line of the file that it begins in.
    content: as text, where it is some."""

    kind: str
    name: str
    number: int
    content: str

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Plain:
    """What there is to read."""

    lines: Sequence[Line]
    unread: Sequence[Unread] = ()


def read_mail(name: str) -> str:
    """A file, or standard input if its name is "-", as UTF-8; other bytes, as in raw mails, as surrogates. /dev/zero has no end:
    more than LONGEST is not read.

    Raises OSError, which names the file; UserError for a text that is too long.
    """
    called = "standard input" if name == "-" else name
    try:
        text = _read(name)
    except OSError as error:
        error.filename = called
        raise
    if len(text) > LONGEST:
        raise UserError(f"{called}: more than {LONGEST:,} characters are no mail: give the one mail that is meant")
    return text


def _read(name: str) -> str:
    if name != "-":
        with Path(name).open(encoding="utf-8", errors="surrogateescape") as file:
            return file.read(LONGEST + 1)
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    return sys.stdin.read(LONGEST + 1)


def plain(text: str) -> Plain:
    """The text of a file, see read_mail. Raises StoryError for a mail that cannot be decoded."""
    unix = text.removeprefix("\ufeff").replace("\r\n", "\n")
    raw = unix.encode("utf-8", "surrogateescape").decode("latin-1")  # a character for each byte
    starts = [match.start() for match in _NEXT_MAIL.finditer(raw)]
    bounds = sorted({0, *starts, len(raw)})
    lines, unread = list[Line](), list[Unread]()
    for begin, end in pairwise(bounds):
        one = _one(raw[begin:end], raw.count("\n", 0, begin) + 1)
        lines += one.lines
        unread += one.unread
    return Plain(lines, unread)


def _one(raw: str, first: int) -> Plain:
    """One mail, or a text that is none. first: the number of its first line."""
    mail = raw.lstrip("\n")
    headers = _HEADERS.match(mail)
    if headers is None or not _OF_MAILS.search(headers[0]):
        return Plain(_pasted(_decoded(raw, "", "utf-8", first)))
    first += len(raw) - len(mail)
    lines, unread, at = list[Line](), list[Unread](), headers.end()
    for part in email.message_from_string(mail).walk():
        body = part.get_payload()
        if not isinstance(body, str):
            continue
        kind = part.get_content_type()
        if not kind.startswith("text/") or kind == "text/html":
            unread.append(_unread(part, kind, first + mail.count("\n", 0, max(at, mail.find(body, at)))))
            continue
        at = max(at, mail.find(body, at))
        lines += _part(part, body, first + mail.count("\n", 0, at))
        at += len(body)
    return Plain(lines, unread)


def _unread(part: Message, kind: str, number: int) -> Unread:
    content = part.get_payload(decode=True)
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return Unread(kind, part.get_filename("") or "", number, text)


def _part(part: Message, body: str, first: int) -> list[Line]:
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    lines = _decoded(body, encoding, part.get_content_charset("utf-8"), first)
    if str(part.get_param("format", "")).lower() == "flowed":
        lines = _unflowed(lines, str(part.get_param("delsp", "")).lower() == "yes")
    return lines if encoding in ("quoted-printable", "base64") else _pasted(lines)


def _decoded(body: str, encoding: str, charset: str, first: int) -> list[Line]:
    """The lines of a body, one latin-1 character for each byte of it."""
    rows = [(row, number) for number, row in enumerate(body.encode("latin-1").split(b"\n"), first)]
    pieces: Iterable[tuple[bytes, int]] = ((row + b"\n", number) for row, number in rows)
    if encoding == "quoted-printable":
        pieces = ((quopri.decodestring(row), number) for row, number in pieces)
    elif encoding == "base64":
        pieces = _from_base64(rows)
    try:
        b"a".decode(charset, "replace")
    except (LookupError, ValueError):  # of no text, or of none that has everything
        charset = "utf-8"
    return [Line(row.rstrip(b"\r").decode(charset, "replace"), number) for row, number in _rows(pieces)]


def _from_base64(rows: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    carried = b""
    for row, number in rows:
        carried += row.strip()
        whole = len(carried) // 4 * 4
        try:
            yield base64.b64decode(carried[:whole], validate=True), number
        except ValueError:
            raise StoryError(f"line {number}: base64 was expected, as the mail's headers say") from None
        carried = carried[whole:]


def _rows(pieces: Iterable[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Lines of what was decoded piece by piece, each with the number of the piece that it begins in."""
    begun, at = b"", 0
    for piece, number in pieces:
        *whole, rest = piece.split(b"\n")
        for row in whole:
            yield begun + row, at or number
            begun, at = b"", 0
        if rest:
            begun, at = begun + rest, at or number
    if begun:
        yield begun, at


def _unflowed(lines: Sequence[Line], without_space: bool) -> list[Line]:
    """Lines that a mailer broke are one again: they end in a space, and the next one is quoted as deep."""
    whole: list[Line] = []
    depth_before, goes_on = -1, False
    for line in lines:
        depth = len(line.text) - len(line.text.lstrip(">"))
        text = line.text[depth:].removeprefix(" ")
        if goes_on and depth == depth_before:
            begun = whole.pop()
            whole.append(Line(begun.text + text, begun.number))
        else:
            whole.append(Line(f"{'>' * depth} {text}", line.number))
        depth_before, goes_on = depth, text.endswith(" ") and text != "-- "
        if goes_on and without_space:
            whole[-1] = Line(whole[-1].text[:-1], whole[-1].number)
    return whole


def _pasted(lines: Sequence[Line]) -> list[Line]:
    """Lines in quoted-printable without the headers that would say so are decoded, also quoted ones."""
    if not any(_ENCODED.match(line.text) for line in lines):
        return list(lines)
    whole: list[tuple[bytes, int]] = []
    goes_on, marks = False, ""
    for line in lines:
        found = _QUOTES.match(line.text)
        quotes = found[0] if found else ""
        text = line.text.removeprefix(quotes) if goes_on and marks.startswith(quotes) else line.text
        encoded = "=" in text and _ALL_ENCODED.fullmatch(text) is not None
        row = quopri.decodestring(text.encode()) if encoded else text.encode()
        begun, number = whole.pop() if goes_on else (b"", line.number)
        whole.append((begun + row, number))
        marks = marks if goes_on else quotes
        goes_on = encoded and text.endswith("=")
    return [Line(row.decode("utf-8", "replace"), number) for row, number in whole]
