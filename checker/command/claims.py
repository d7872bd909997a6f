"""`eoi claims`: what was said in the thread, true or false."""

from __future__ import annotations

from argparse import Namespace

from checker.command.exits import Exit
from checker.questions.claims import claim_lines


def run(options: Namespace) -> int:
    """Judge the claims of the record."""
    print("\n".join(claim_lines()))
    return Exit.FINE
