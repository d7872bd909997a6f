"""What the command `eoi` starts with: nothing heavy is imported yet, and Ctrl-C ends it without a word."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """The exit code of checker.command.cli.main(). Until that runs there is nothing to keep, and nothing to say."""
    open_what_is_closed()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from checker.command import cli

    signal.signal(signal.SIGINT, before)
    return cli.main()


def open_what_is_closed() -> None:
    """`eoi ... >&-`: a stream that the caller closed reads and writes nothing; no other file gets its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode))
