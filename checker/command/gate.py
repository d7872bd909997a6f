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
from checker.command import baseline, exits, json_text
from checker.command.exits import Exit
from checker.command.form import only_as_text
from checker.command.give import give
from checker.command.parsers import EXPECTED, FULL, NOT_IN, here_or_own
from checker.errors import UserError
from checker.matrix.roles import ALIASES, is_path, look_up
from checker.matrix.select import those_of
from checker.questions import gate
from checker.questions.answer import of_gate
from checker.questions.expected import NOT_COUNTED, Difference, Table, difference_lines, differences, from_toml, to_toml
from checker.words import count
from model.machine import Machine


def run(options: Namespace) -> int:
    """The matrix of the registered designs, its mutants, or designs of the user's own."""
    if options.mutants or options.write or options.write_baseline:
        only_as_text(options, "--mutants" if options.mutants else "--write")
    if options.reduce and (options.mutants or options.baseline or options.write):
        raise UserError("--reduce is compared with what is expected: leave --mutants, --baseline and --write away")
    if options.baseline:
        check_alone(options)
        return baseline.run(options)
    if options.designs or options.write_baseline:
        said = "--write-baseline" if options.write_baseline else options.designs[0]
        raise UserError(f"{said} goes with --baseline FILE; of registered designs the gate is asked with --design D")
    if options.mutants:
        module = importlib.import_module(
            "checker.command.mutants"
        )  # and oracles/, which is loaded only where it is asked
        code: int = module.run(options)
        return code
    if options.full or options.most or options.every != 1:
        raise UserError("--every, --most and --full go with --mutants")
    if options.write and options.json:
        raise UserError(
            "--json says what differs from what is expected, and --write compares nothing: give one of them"
        )
    return whole(options)


def whole(options: Namespace) -> int:
    """Judge the full matrix, then write it or compare it. 0 only if nothing differs; Ctrl-C: what was judged till then."""
    named = those_of("design", options.design) if options.design else []
    only = [ALIASES.get(d, d) for d in named if gated_design(d)]
    if options.write:
        check_written(Path(options.write), only)
    if options.expected == EXPECTED:
        options.expected = str(here_or_own(EXPECTED))
    expected = None if options.write else expected_table(Path(options.expected), only)
    started = time.monotonic()
    judged = gate.run_so_far(gate.full_matrix(only), options.jobs, reduce=options.reduce, on=options.on or "")
    seconds = time.monotonic() - started
    left = [*gate.open_cells(judged.table), *map(str, judged.left)]
    if expected is None:
        return write_expected(Path(options.write), judged.table, left, only)
    expects = gate.judged_only(expected, judged.table) if judged.left else expected
    listed = differences(expects, judged.table)
    if options.json:
        reasons = [f"not judged: {part}" for part in judged.left]
        answer = of_gate(
            f"the matrix against {options.expected}", expects, judged.table, reasons, file=options.expected
        )
        give(options, answer, "gate", as_json(judged, listed, options.expected, seconds))
    else:
        tell(options, judged, listed, seconds)
    return exits.of_gate(left, listed)


def tell(options: Namespace, judged: gate.GateAnswer, listed: Sequence[Difference], seconds: float) -> None:
    """What differs, and one line that counts it all."""
    print("\n".join(difference_lines(listed, options.all)) + "\n" * bool(listed), end="")
    kept = f"; {count(judged.kept, 'cell')} as judged before, EOI_ANEW=1 judges anew" if judged.kept else ""
    counted, bounds = gate.count_text(judged.table), _bounds_text(judged.table)
    print(f"{counted}: {outcome_text(listed)} {options.expected} ({seconds:.1f} s; not in it: {NOT_IN}{kept}{bounds})")
    if judged.left:
        first = "; ".join(map(str, judged.left[:3])) + "; ..." * (len(judged.left) > 3)
        print(f"INCONCLUSIVE: interrupted, {count(len(judged.left), 'system')} not judged: {first}")


def _bounds_text(table: Table) -> str:
    bounds = sum(row.states == NOT_COUNTED for cells in table.values() for row in cells.values())
    return f"; of {count(bounds, 'cell')} states and depth are not compared: --reduce has only bounds" if bounds else ""


def check_alone(options: Namespace) -> None:
    """Raise UserError if --baseline was given what the matrix of the registered designs is asked with."""
    given = {
        "--write": options.write, "--design": options.design, "--mutants": options.mutants, "--jobs": options.jobs, "--on": options.on,
        "--expected": options.expected != EXPECTED, "--every": options.every != 1, "--most": options.most,
        "--full": options.full,
    }  # fmt: skip
    for option in (option for option, value in given.items() if value):
        instead = {"--write": ": --write-baseline writes FILE", "--design": ": name the designs without it"}
        raise UserError(f"{option} does not go with --baseline{instead.get(option, '')}")


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
        compared = f"for a file: eoi diff base {shlex.quote(name)}, or eoi gate --baseline FILE {shlex.quote(name)}"
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


def as_json(judged: gate.GateAnswer, listed: Sequence[Difference], expected: str, seconds: float) -> json_text.Json:
    """How many were judged, and what differs."""
    table = judged.table
    rows = [row for cells in table.values() for row in cells.values()]
    return {
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
