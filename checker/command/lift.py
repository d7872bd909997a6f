"""`eoi lift`: a C patch, or the mail that holds it, as a design."""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker import files
from checker.command.exits import Exit
from checker.errors import UserError
from checker.matrix.lifted_file import LiftedFile
from checker.matrix.loader import load_design
from checker.words import count

# Loaded only where they are asked.
LIFTING = "checker.matrix.lifting"
TREE = "checker.command.tree"  # and z3


def run(options: Namespace) -> int:
    """Print the class, or write it; then what was left out, line by line. Nothing is written if a line is refused."""
    output = Path(options.output) if options.output else None
    if output is not None:
        files.check_file("-o", output)
    found = of_options(options)
    load_design(str(found.path))  # a design that would be refused is none
    if output is not None:
        check_unwritten(output, found.source)
        files.write_text(output, found.source)
        print(f"written: {output}")
    else:
        print(found.source, end="")
    print("".join(f"{line}\n" for line in left_out_lines(found.left_out)), end="")
    return Exit.FINE


def of_options(options: Namespace) -> LiftedFile:
    """Raises UserError."""
    if options.tree:
        of_tree: LiftedFile = importlib.import_module(TREE).lifted(options)
        return of_tree
    if not options.files:
        raise UserError("give a patch, or the mail that holds it; or a kernel's source: --tree DIR")
    of_files: LiftedFile = importlib.import_module(LIFTING).lift_files(
        options.files, options.nth, reverse=options.reverse
    )
    return of_files


def check_unwritten(output: Path, source: str) -> None:
    """Raise UserError if another text would be lost: what was lifted is often edited by hand."""
    if output.exists() and files.read_text(output) != source:
        raise UserError(
            f"-o {output}: this file has another text, which would be lost: remove it, or give another FILE.py"
        )


def left_out_lines(left_out: Sequence[str]) -> list[str]:
    return ["", "left out:", *(f"  {line}" for line in left_out)] if left_out else []


def print_lifted(found: LiftedFile | None, *, brief: bool = False) -> None:
    """Of a design that is a patch: what is judged, before what is found."""
    if found is not None and brief:
        functions = ", ".join(f"{name}()" for name in found.found.functions)
        print(
            f"lifted: {functions}; {count(len(found.left_out), 'note')} of what is assumed and left out (`eoi lift`)\n"
        )
    elif found is not None:
        print("\n".join([found.source, *left_out_lines(found.left_out), ""]))
