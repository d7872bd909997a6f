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

from checker.engine.reference import bindings_of
from checker.errors import UserError
from checker.matrix.system import system_of
from checker.questions.retell import Finder, read_story
from checker.stories.story_parser import ParsedStory
from model.lang import Property
from oracles import record
from oracles.confirm import Claim, Label, confirm, shown_by
from oracles.lockstep import OracleDied, OracleMissing
from oracles.mutation import mutant_scenes
from oracles.qemu.mutant_scenes import scenes as scenes_for_mutants
from oracles.qemu.run import NOT_COVERED, QemuConformance, run
from oracles.qemu.run import STEPS as DEFAULT_STEPS
from oracles.qemu.system import QemuIoapic
from oracles.report import Conformance, Section, mismatch_json, section_lines, story_lines, wrapped
from oracles.walk import Subject, closing

CODES = {Label.CONFIRMED: 1, Label.NOT_REPRODUCED: 0, Label.NOT_RUNNABLE: 3}
WHAT_IS_REAL = "Real here: the VMM's I/O APIC. KVM, the guest and the device are the model's."
MUTANT_STEPS = 30_000
NO_ENTRY = "NOT RUNNABLE HERE: nothing in this run happens at the VMM's I/O APIC"


def conform(options: Namespace) -> int:
    """0: everything agreed; 1: a difference; 3: there is no QEMU here, or it died. Raises UserError."""
    for name, why in (("design", "the model of QEMU"), ("scope", "each part's scope")):
        if getattr(options, name):
            raise UserError(f"--{name} is for conform kvm: {why} is fixed here")
    begun = time.monotonic()
    try:
        result = _walked(options)
        judged = _mutants(options) if options.mutants and result.disagreement is None else None
    except (OracleMissing, OracleDied) as error:
        print(f"NOT RUNNABLE HERE: {error}")
        return 3
    report = report_of(result, _command(options), time.monotonic() - begun)
    if judged is not None:
        mutant_scenes.add_to(report, judged)
        result.disagreement = judged.disagreement
    return finish(options, result, report, judged if result.disagreement is None else None)


def _walked(options: Namespace) -> QemuConformance:
    """The walks that were asked for: by default all, and with --mutants alone none. Raises OracleMissing, OracleDied."""
    unasked = not (options.cover or options.random or options.mutants)
    if not (options.cover or options.random or unasked):
        return QemuConformance(QemuIoapic().title)
    return run(
        (options.steps or DEFAULT_STEPS) if options.random or unasked else 0, options.seed,
        covering=options.cover or unasked, record=bool(options.record), say=_progress,
    )  # fmt: skip


def _mutants(options: Namespace) -> mutant_scenes.MutantRun:
    """Raises OracleMissing, OracleDied."""
    steps = options.steps if options.steps and not options.random else MUTANT_STEPS
    with closing(QemuIoapic()) as real:
        return mutant_scenes.judge_scenes(list(scenes_for_mutants(real)), options.seed, steps, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def finish(
    options: Namespace, result: QemuConformance, report: Conformance, judged: mutant_scenes.MutantRun | None
) -> int:
    """Print, write, record."""
    if options.record:
        record.write([walk for recorder in result.recorders for walk in recorder.walks], Path(options.record))
    raw = report.as_json()
    if result.disagreement is not None:
        raw["mismatch"] = mismatch_json(result.disagreement)
    text = "\n".join([*report.lines(), *(story_lines(result.disagreement) if result.disagreement else [])]) + "\n"
    if options.write and judged is not None:
        mutant_scenes.write(judged, report.oracle, report, Path(options.write), "qemu")
    if options.write and (judged is None or options.cover or options.random):
        folder = Path(options.write)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "qemu.txt").write_text(text)
        (folder / "qemu.json").write_text(json.dumps(raw, indent=1) + "\n")
    table = "".join(f"{line}\n" for line in mutant_scenes.table_lines(judged, report.oracle)) if judged else ""
    print(json.dumps(raw, indent=1) if options.json else table + text, end="\n" * options.json)
    return int(result.disagreement is not None)


def _progress(section: Section) -> None:
    """A full run takes minutes: each part is told as it ends."""
    _say("\n".join(section_lines(section)))


def _command(options: Namespace) -> str:
    flags = [f"--{name}" for name in ("cover", "random", "mutants") if getattr(options, name)]
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


def replay_story(story: ParsedStory, other: Any, find: Finder, known: Mapping[str, Property]) -> tuple[list[str], int]:
    """(what to print, exit code): the VMM's I/O APIC functions of a story are run on QEMU's I/O APIC, everything else
    in the model. 1: confirmed, 0: not reproduced, 3: not runnable here."""
    told = read_story(story, other, find, known)
    asked = told.asked
    shown = shown_by(asked, bindings_of(asked, told.scope))
    entered: list[QemuIoapic] = []

    def subject() -> Subject:
        entered.append(QemuIoapic())
        return Subject(system_of(*told.roles), told.scope, entered[0], dict(told.names))

    found = confirm(subject, Claim(told.path, told.story.loop_start, shown))
    if found.label is Label.CONFIRMED and not any(real.performed for real in entered):
        return [told.title, *wrapped(NO_ENTRY, "  ")], CODES[Label.NOT_RUNNABLE]
    said = f"{found.label.value} of the I/O APIC's part" if found.label is Label.CONFIRMED else found.label.value
    return [told.title, *wrapped(f"{said}: {found.text}", "  "), *wrapped(WHAT_IS_REAL, "  ")], CODES[found.label]
