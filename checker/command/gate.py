"""`eoi gate`: does every verdict of the full matrix equal the expected one?"""

from __future__ import annotations

import importlib
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from checker import files
from checker.command import exits, json_text
from checker.command.exits import Exit
from checker.command.parsers import EXPECTED, FULL, NOT_IN, here_or_own
from checker.errors import UserError
from checker.matrix.roles import ALIASES, is_path, look_up
from checker.matrix.select import split
from checker.questions import gate
from checker.questions.expected import Difference, Table, difference_lines, differences, from_toml, to_toml
from checker.words import count
from model.machine import Machine


def run(options: Namespace) -> int:
    """Judge the full matrix, then write it or compare it. 0 only if nothing differs; Ctrl-C: what was judged till then."""
    if options.mutants:
        module = importlib.import_module(
            "checker.command.mutants"
        )  # and oracles/, which is loaded only where it is asked
        code: int = module.run(options)
        return code
    if options.full or options.most or options.every != 1:
        raise UserError("--every, --most and --full go with --mutants")
    only = [ALIASES.get(d, d) for d in split(options.design, []) if gated_design(d)]
    if options.write:
        check_written(Path(options.write), only)
    if options.expected == EXPECTED:
        options.expected = str(here_or_own(EXPECTED))
    expected = None if options.write else expected_table(Path(options.expected), only)
    started = time.monotonic()
    judged = gate.run_so_far(gate.full_matrix(only), options.jobs)
    found, unjudged = judged.table, judged.left
    seconds = time.monotonic() - started
    left = [*gate.open_cells(found), *map(str, unjudged)]
    if expected is None:
        return write_expected(Path(options.write), found, left, only)
    listed = differences(gate.judged_only(expected, found) if unjudged else expected, found)
    if options.json:
        print(as_json(judged, listed, options.expected, seconds))
    else:
        print("\n".join(difference_lines(listed, options.all)) + "\n" * bool(listed), end="")
        kept = f"; {count(judged.kept, 'cell')} as judged before, EOI_ANEW=1 judges anew" if judged.kept else ""
        print(
            f"{gate.count_text(found)}: {outcome_text(listed)} {options.expected} ({seconds:.1f} s; not in it: {NOT_IN}{kept})"
        )
        if unjudged:
            first = "; ".join(map(str, unjudged[:3])) + "; ..." * (len(unjudged) > 3)
            print(f"INCONCLUSIVE: interrupted, {count(len(unjudged), 'system')} not judged: {first}")
    return exits.of_gate(left, listed)


def outcome_text(listed: Sequence[Difference]) -> str:
    """How many there are, of what the file says."""
    if listed and all(d.kind == "new" and not d.what for d in listed):
        return f"{count(len(listed), 'new cell')}, not in"
    return f"{count(len(listed), 'difference')} from" if listed else "all as in"


def check_written(path: Path, only: Sequence[str]) -> None:
    """Raise UserError unless the file can be written and loses nothing: what is expected of other designs than these."""
    files.check_file("--write", path)
    if only and path.is_file():
        whole = f"`eoi gate --write {shlex.quote(str(path))}` writes all"
        raise UserError(f"--write {path}: would be left with {', '.join(only)} only: {whole}, or give another FILE")


def gated_design(name: str) -> type[Machine]:
    """A design that the gate judges. Raises UserError."""
    if is_path(name):
        compared = f"for a file: eoi diff base {shlex.quote(name)}"
        raise UserError(f"--design {name}: the gate judges registered designs only (`eoi list designs`); {compared}")
    found: type[Machine] = look_up(
        "design", name, gate.gated(), "`eoi list designs` and `eoi list bugs` name what the gate judges"
    )
    return found


def expected_table(path: Path, only: Sequence[str]) -> Table:
    """What a file expects (of these designs). Raises UserError."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file: `eoi gate --write {path}` makes one")
    table = from_toml(files.read_text(path), str(path))
    return {d: rows for d, rows in table.items() if not only or d in only}


def write_expected(path: Path, found: Table, left: Sequence[str], only: Sequence[str]) -> int:
    if left:
        print("not written, because these cells are INCONCLUSIVE:\n" + "\n".join(left), file=sys.stderr)
        return Exit.OPEN
    about = f"Only the designs {', '.join(only)}" if only else f"The matrix: {FULL}"
    files.write_text(path, to_toml(found, about))
    print(f"{gate.count_text(found)}: written to {path}")
    return Exit.FINE


def as_json(judged: gate.GateAnswer, listed: Sequence[Difference], expected: str, seconds: float) -> str:
    """How many were judged, and what differs."""
    table = judged.table
    rows = [row for cells in table.values() for row in cells.values()]
    content: json_text.Json = {
        "expected": expected,
        "designs": len(table),
        "cells": len(rows),
        "verdicts": sum(len(row.verdicts) for row in rows),
        "kept": judged.kept,
        "interrupted": bool(judged.left),
        "inconclusive": gate.open_cells(table),
        "not_judged": [asdict(part) for part in judged.left],
        "matrix": " ".join(FULL.replace("\n#", "").split()),
        "not_in_it": NOT_IN,
        "differences": [asdict(d) for d in listed],
        "seconds": round(seconds, 1),
    }
    return json_text.document("gate", content)
