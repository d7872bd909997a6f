"""`eoi export`: one cell as input of another checker."""

from __future__ import annotations

import sys
from argparse import Namespace

from checker.command.exits import Exit
from checker.command.one_cell import one_cell
from checker.errors import UserError
from checker.progress import Progress
from checker.questions.export import export


def run(options: Namespace) -> int:
    """Print the text, or write it (-o); say on standard error what it does not ask."""
    cell = one_cell(options.asked, "an export", {})
    wanted = options.asked.wanted if options.property else []
    for p in wanted:
        if why := p.why_not(cell.system):
            raise UserError(f"--property {p.name} says nothing of {cell}: {why}")
    progress = Progress(1, "cells")

    def watch(states: int) -> None:
        progress.phase(0, str(cell), f"{states:,} states")
        progress.show()

    try:
        found = export(cell, wanted, options.to, watch)
    finally:
        progress.close()
    give(found.text)
    if found.left_out:
        print(f"eoi: not in the export: {', '.join(found.left_out)}", file=sys.stderr)
    return Exit.FINE


def give(found: str | bytes) -> None:
    """Print it. What is no text is kept from the screen."""
    if isinstance(found, str):
        print(found, end="")
        return
    if sys.stdout.isatty():
        raise UserError("this is no text, but what another checker reads: give -o FILE")
    sys.stdout.flush()
    sys.stdout.buffer.write(found)
