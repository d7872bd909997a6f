"""What the command `eoi` starts with: nothing heavy is imported yet, and Ctrl-C ends it without a word."""

from __future__ import annotations

import signal


def main() -> int:
    """The exit code of checker.command.cli.main(). Until that runs there is nothing to keep, and nothing to say."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from checker.command import cli

    signal.signal(signal.SIGINT, before)
    return cli.main()
