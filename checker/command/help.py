"""`eoi help COMMAND`: what `eoi COMMAND --help` says."""

from __future__ import annotations

from argparse import Namespace

from checker.command import cli


def run(options: Namespace) -> int:
    """Ends as --help does, by SystemExit with code 0."""
    named = [options.about] if options.about else []
    cli.build_parser(named).parse_args([*named, "--help"])
    raise AssertionError("--help ends the program")
