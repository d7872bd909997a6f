"""`eoi conform`: does the model do what the real system does? oracles/ is loaded only where it is asked."""

from __future__ import annotations

import importlib
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import fields
from pathlib import Path

from checker.command import exits
from checker.command.exits import Exit
from checker.command.options import ORACLES, positive
from checker.errors import UserError
from checker.files import check_file, check_folder, write_text
from oracles import record
from oracles.confirm import Label
from oracles.lockstep import OracleDied, OracleMissing
from oracles.report import Request
from oracles.walk import NotReproducible


def add(parser: ArgumentParser) -> None:
    parser.add_argument("oracle", choices=ORACLES, help="the running kernel's KVM, or a qemu-system-x86_64")
    parser.add_argument("--cover", action="store_true", help="walk until every reachable transition was executed")
    parser.add_argument("--random", action="store_true", help="seeded random walks, with real VMM and guest models")
    parser.add_argument("--mutants", action="store_true", help="which one-change mutants of the model are noticed")
    parser.add_argument("--design", metavar="D", help="the design to compare (default: what is found to run)")
    parser.add_argument("--scope", default="", metavar="K=V,...", help="sizes and choices (default: 2 of each)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of random walks (default: %(default)s)")
    parser.add_argument("--steps", type=positive, metavar="K", help="of random walks, all together")
    parser.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="parts of --cover that run at the same time, in kvm (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--write", metavar="DIR", help="also write the report to DIR, as text and JSON")
    parser.add_argument("--record", metavar="FILE", help="write the random walks as they were observed")
    parser.add_argument("--json", action="store_true", help="machine-readable numbers")


def run(options: Namespace) -> int:
    """0: everything agreed; 1: a difference; 3: there is no such system here, or it broke."""
    if options.steps and options.cover and not (options.random or options.mutants):
        raise UserError("--steps is for random walks: a covering walk ends when everything is covered")
    if options.write:
        check_folder("--write", Path(options.write))
    if options.record:
        check_file("--record", Path(options.record))
    asked = {f.name: getattr(options, f.name) for f in fields(Request)}
    try:
        module = importlib.import_module(f"oracles.{options.oracle}.conform")
        found = module.conform(Request(**{**asked, "record": bool(options.record)}), on_stderr)
    except OracleMissing as error:
        print(f"{Label.NOT_RUNNABLE.value}: {error}")
        return Exit.OPEN
    except (OracleDied, NotReproducible) as error:
        print(f"INCONCLUSIVE: {error}")
        return Exit.OPEN
    print(json.dumps(found.as_json(), indent=1) if options.json else "\n".join([*found.mutant_table(), *found.lines()]))
    if options.write:
        Path(options.write).mkdir(parents=True, exist_ok=True)
        for name, text in found.files().items():
            write_text(Path(options.write) / name, text)
    if options.record:
        write_text(Path(options.record), record.as_text(found.walks))
    return exits.decided(wrong=found.disagreement is not None, undecided=False)


def on_stderr(line: str) -> None:
    """What a long run says meanwhile."""
    print(line, file=sys.stderr, flush=True)
