"""C as tokens, each with its place in the patch. Comments are none; a line that the preprocessor reads is refused if it
is a changed one, and branches of `#if` are taken, unless there is an `#else`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lift.refusal import NotLifted

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\f\r\v\n]+|\\\n)
    |(?P<str>L?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<num>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)
    |(?P<id>\$?[A-Za-z_]\w*)
    |(?P<op>->|\+\+|--|<<=|>>=|<=|>=|==|!=|&&|\|\||<<|>>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|\.\.\.|[-+*/%&|^~!<>=?:;,.(){}\[\]])""",
    re.X,
)
_NOISE = frozenset({"__maybe_unused", "__always_unused", "__user", "__rcu", "__iomem", "noinstr", "__read_mostly"})
_OPEN = re.compile(r"/\*|//|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


@dataclass(frozen=True)
class Row:
    """A line of one side of a hunk, with its number in the patch. changed: it is a + or - line."""

    text: str
    number: int
    changed: bool


@dataclass(frozen=True)
class Token:
    kind: str  # id num str op eof
    text: str
    line: int
    col: int
    changed: bool = False

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.col


def without_comments(rows: Sequence[Row]) -> list[Row]:
    """The same places with blanks for comments. A piece may begin or end in the middle of one."""
    if not rows:
        return []
    whole = "\n".join(row.text for row in rows)
    first_end, first_begin = whole.find("*/"), whole.find("/*")
    at, cut = 0, list(whole)
    if first_end >= 0 and (first_begin < 0 or first_end < first_begin):
        _refuse_hidden(rows, whole, first_end + 2)
        _blank(cut, 0, first_end + 2)
        at = first_end + 2
    while (found := _OPEN.search(whole, at)) is not None:
        if found[0] not in ("/*", "//"):
            at = found.end()
            continue
        end = whole.find("*/", found.end()) + 2 if found[0] == "/*" else whole.find("\n", found.end())
        if found[0] == "//" and whole[: end if end > 0 else None].endswith("\\"):
            raise NotLifted(
                rows[whole.count("\n", 0, found.start())].number, "a `//` comment that goes on in the next line"
            )
        if end <= found.start():
            begins = rows[whole.count("\n", 0, found.start())]
            if begins.changed and found[0] == "/*":
                raise NotLifted(begins.number, "a comment that is changed does not end in the hunk")
            end = len(whole)
        _blank(cut, found.start(), end)
        at = end
    return [Row(t, r.number, r.changed) for t, r in zip("".join(cut).split("\n"), rows, strict=True)]


def same_code_around(before: Sequence[Row], after: Sequence[Row]) -> None:
    """Of both sides of a hunk. Raise NotLifted where a comment that a changed line begins or ends takes in, or lets out, a line
    that is not changed."""
    was, now = ({row.number: row.text for row in without_comments(side) if not row.changed} for side in (before, after))
    for number in was:
        if was[number] != now[number]:
            what = "a changed line begins or ends a comment, so that this one is code on one side only"
            raise NotLifted(number, what, "change the line itself")


def _refuse_hidden(rows: Sequence[Row], whole: str, end: int) -> None:
    """A comment that began before the hunk has no code in it: no changed line, and no `;` or brace."""
    hidden = whole[:end].count("\n") + 1
    for row in rows[:hidden]:
        text = row.text.partition("*/")[0]
        if (row.changed and text.strip()) or re.search(r"[;{}]\s*$|//|[\"]", text):
            raise NotLifted(
                row.number,
                "a `*/` ends a comment that the hunk does not show to begin",
                "make the patch with more context",
            )


def _blank(text: list[str], begin: int, end: int) -> None:
    for i in range(begin, end):
        if text[i] != "\n":
            text[i] = " "


def tokens(rows: Sequence[Row]) -> list[Token]:
    """The tokens of one side of a hunk. Raises NotLifted."""
    found = list[Token]()
    for row in without_comments(rows):
        if row.text.lstrip().startswith("#"):
            _preprocessor(row)
            continue
        at = 0
        while at < len(row.text):
            match = _TOKEN.match(row.text, at)
            if match is None and row.text[at:].strip() == "\\":
                break
            if match is None:
                raise NotLifted(row.number, f"cannot read {row.text[at : at + 20]!r} as C")
            if match.lastgroup != "blank" and match[0] not in _NOISE:
                found.append(Token(str(match.lastgroup), match[0], row.number, at, row.changed))
            at = match.end()
    return found


def _preprocessor(row: Row) -> None:
    word = row.text.lstrip(" \t#").split("(")[0].split()[:1]
    if row.changed:
        raise NotLifted(row.number, f"`{row.text.strip()}` is changed inside a function", "write this one by hand")
    if row.text.lstrip(" \t#").split()[:2] == ["if", "0"]:
        raise NotLifted(
            row.number,
            f"`{row.text.strip()}` in the hunk: what stands in it is not compiled",
            "make the patch with less context (-U1)",
        )
    if word and word[0] in ("else", "elif"):
        raise NotLifted(row.number, f"`{row.text.strip()}` in the hunk", "make the patch with less context (-U1)")


def tokens_of(text: str, line: int = 1) -> list[Token]:
    """Of a row of a table, say."""
    return tokens([Row(t, line, False) for t in text.split("\n")])
