"""What ends a lift: nothing is guessed, and what is not understood is said with the patch's file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

NEAR = 0.9  # a letter or two: functions of one file have names that are half the same


def place(file: str, line: int) -> str:
    """Of a file as a whole there is no line."""
    return f"{file}:{line}" if line else file


class NotLifted(Exception):
    """A line that cannot be lifted, and what to do about it."""

    def __init__(self, line: int, what: str, advice: str = "", file: str = "") -> None:
        super().__init__(what)
        self.line, self.what, self.advice, self.file = line, what, advice, file

    def in_file(self, file: str) -> NotLifted:
        """The same, of this file if none was named."""
        return NotLifted(self.line, self.what, self.advice, self.file or file)

    def __str__(self) -> str:
        return f"{place(self.file, self.line)}: {self.what}" + (f"\n    {self.advice}" if self.advice else "")


def misspelt(words: Iterable[str], known: Collection[str]) -> str:
    """A line of advice for the first word that is none of these, and nearly one; or ""."""
    near = [n for word in words if word not in known for n in get_close_matches(word, known, 1, NEAR)]
    return f"did you mean `{near[0]}`?\n    " if near else ""
