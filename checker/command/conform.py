"""`eoi conform`: does the model do what the real system does? oracles/ is loaded only where it is asked."""

from __future__ import annotations

import importlib
import json
import sys
from argparse import Namespace
from dataclasses import fields
from pathlib import Path

from checker.command import exits
from checker.command.exits import Exit
from checker.errors import UserError
from checker.files import check_file, check_folder, write_text
from oracles import record
from oracles.confirm import Label
from oracles.lockstep import OracleDied, OracleMissing
from oracles.report import Request
from oracles.walk import NotReproducible


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
