"""`eoi conform qemu` and `eoi replay FILE --on qemu`."""

from __future__ import annotations

import json
import platform
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from checker.errors import UserError
from checker.reference import bindings_of
from checker.retell import Finder, read_story
from model.lang import Property, compose
from oracles import record
from oracles.confirm import Claim, Label, confirm, shown_by
from oracles.lockstep import OracleDied, OracleMissing
from oracles.qemu.run import NOT_COVERED, QemuConformance, run
from oracles.qemu.run import STEPS as DEFAULT_STEPS
from oracles.qemu.system import QemuIoapic
from oracles.report import Conformance, Section, mismatch_json, section_lines, story_lines, wrapped
from oracles.walk import Subject

CODES = {Label.CONFIRMED: 1, Label.NOT_REPRODUCED: 0, Label.NOT_RUNNABLE: 3}
WHAT_IS_REAL = "Real here: the VMM's I/O APIC. KVM, the guest and the device are the model's."
NO_ENTRY = "NOT RUNNABLE HERE: nothing in this run happens at the VMM's I/O APIC"


def conform(options: Namespace) -> int:
    """0: everything agreed; 1: a difference; 3: there is no QEMU here, or it died. Raises UserError."""
    for name, why in (("design", "the model of QEMU"), ("scope", "each part's scope")):
        if getattr(options, name):
            raise UserError(f"--{name} is for conform kvm: {why} is fixed here")
    begun = time.monotonic()
    try:
        result = run(
            (options.steps or DEFAULT_STEPS) if options.random or not options.cover else 0, options.seed,
            covering=options.cover or not options.random, record=bool(options.record), say=_progress,
        )  # fmt: skip
    except (OracleMissing, OracleDied) as error:
        print(f"NOT RUNNABLE HERE: {error}")
        return 3
    report = report_of(result, _command(options), time.monotonic() - begun)
    if options.record:
        record.write([walk for recorder in result.recorders for walk in recorder.walks], Path(options.record))
    raw = report.as_json()
    if result.disagreement is not None:
        raw["mismatch"] = mismatch_json(result.disagreement)
    text = "\n".join([*report.lines(), *(story_lines(result.disagreement) if result.disagreement else [])]) + "\n"
    if options.write:
        folder = Path(options.write)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "qemu.txt").write_text(text)
        (folder / "qemu.json").write_text(json.dumps(raw, indent=1) + "\n")
    print(json.dumps(raw, indent=1) if options.json else text, end="\n" * options.json)
    return int(result.disagreement is not None)


def _progress(section: Section) -> None:
    """A full run takes minutes: each part is told as it ends."""
    print("\n".join(section_lines(section)), file=sys.stderr, flush=True)


def _command(options: Namespace) -> str:
    flags = [f"--{name}" for name in ("cover", "random") if getattr(options, name)]
    steps = [f"--steps {options.steps}"] if options.steps else []
    return " ".join(["eoi conform qemu", *flags, *steps, f"--seed {options.seed}"])


def report_of(result: QemuConformance, command: str, seconds: float) -> Conformance:
    """The five numbers of a run."""
    return Conformance(
        oracle=f"{result.oracle}, on {platform.machine()}",
        design="model/vmms/qemu.py, model/migration.py",
        command=command,
        date=date.today().isoformat(),
        sections=result.sections,
        differences=QemuIoapic.differences,
        not_covered=NOT_COVERED,
        seconds=seconds,
    )


def replay_story(
    text: str, other: Any, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], int]:
    """(what to print, exit code): the VMM's I/O APIC functions of a story are run on QEMU's I/O APIC, everything else
    in the model. 1: confirmed, 0: not reproduced, 3: not runnable here."""
    told = read_story(text, other, find, known)
    asked = told.asked
    shown = shown_by(asked, bindings_of(asked, told.scope))
    entered: list[QemuIoapic] = []

    def subject() -> Subject:
        entered.append(QemuIoapic())
        return Subject(compose(*told.roles), told.scope, entered[0], dict(told.names))

    found = confirm(subject, Claim(told.path, told.story.loop_start, shown))
    if found.label is Label.CONFIRMED and not any(real.performed for real in entered):
        return [told.title, *wrapped(NO_ENTRY, "  ")], CODES[Label.NOT_RUNNABLE]
    return [told.title, *wrapped(str(found), "  "), *wrapped(WHAT_IS_REAL, "  ")], CODES[found.label]
