"""What the command `eoi` starts with: nothing heavy is imported yet, and Ctrl-C ends it without a word."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper


class Notes(TextIOWrapper):
    """Standard error: what is said there beside the answer may be lost, and the answer must not be lost for it."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            self._to_nowhere()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            self._to_nowhere()

    def _to_nowhere(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def main() -> int:
    """The exit code of checker.command.cli.main(). Until that runs there is nothing to keep, and nothing to say."""
    open_what_is_closed()
    wrong = wrong_python()
    if wrong:
        print(f"eoi: {wrong}", file=sys.stderr)
        return 2
    write_what_has_no_letter()
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = Notes(sys.stderr.buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from checker.command import cli

    signal.signal(signal.SIGINT, before)
    return cli.main()


def wrong_python() -> str:
    """Why nothing that this Python says would count, or ""."""
    if sys.version_info < (3, 11):  # noqa: UP036 (a checkout in PYTHONPATH is asked by no pip)
        return f"Python 3.11 or newer is needed, and {sys.executable} is {sys.version.split()[0]}"
    if sys.flags.optimize:
        return "this Python leaves out what checks the answers (-O, or PYTHONOPTIMIZE is set): run it without"
    return ""


def write_what_has_no_letter() -> None:
    """In the terminal's alphabet: it is told by its number, as on standard error. A file's name keeps its bytes where it can."""
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and (out.errors == "strict" or out.encoding.lower() not in ("utf-8", "utf8")):
        out.reconfigure(errors="backslashreplace")


def open_what_is_closed() -> None:
    """`eoi ... >&-`: a stream that the caller closed reads and writes nothing; no other file gets its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode))
