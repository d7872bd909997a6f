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
    print(found.text, end="")
    if found.left_out:
        print(f"eoi: not in the export: {', '.join(found.left_out)}", file=sys.stderr)
    return Exit.FINE
