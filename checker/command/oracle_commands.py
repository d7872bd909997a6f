"""Commands that need a real system: conform, replay --on, prove --confirm. oracles/ is imported only when one runs."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path as FilePath
from typing import Any

from checker.engine.reference import Reference, bindings_of
from checker.errors import UserError
from checker.files import check_file, check_folder, write_text
from checker.matrix.roles import designs
from checker.matrix.scope import flag_lines
from checker.questions.campaign import Campaign
from checker.questions.retell import PARTING, Finder, Telling, Told, read_story, retell
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories.story_parser import ParsedStory
from model.finite import ModelError
from model.lang import Design, Property
from model.machine import ApiFlags
from model.migration import MigrationScope


@dataclass(frozen=True)
class Path:
    """Steps with arguments; then back to loop_start, or, if `stutter`, staying for ever."""

    steps: Sequence[Any]
    loop_start: int | None
    stutter: bool


CONFIRMED, NOT_REPRODUCED, NOT_RUNNABLE = "CONFIRMED", "NOT REPRODUCED", "NOT RUNNABLE HERE"
ONE_KERNEL = (
    f"{NOT_RUNNABLE}: the story moves a VM to another host or back in time, and one kernel runs here; see --on qemu"
)
DIFFER = "the model of {} and the running kernel differ, which `eoi conform kvm` looks into."
ORACLES = ("kvm", "qemu")
REAL_ON_KVM = (
    "Real here is KVM, driven by ioctls, MSRs and KVM_RUN: its local APICs, its routes, its I/O APIC where it has one. The "
    "VMM, the guest and the device are the model's."
)


def add_conform(sub: Any, positive: Any) -> None:
    """The parser of `eoi conform`."""
    parser = sub.add_parser("conform", help="does the model do what the real system does? (needs /dev/kvm or QEMU)")
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


def run_conform(options: Namespace) -> int:
    """0: everything agreed; 1: a difference; 3: there is no such system here, or it broke."""
    if options.steps and options.cover and not (options.random or options.mutants):
        raise UserError("--steps is for random walks: a covering walk ends when everything is covered")
    if options.write:
        check_folder("--write", FilePath(options.write))
    if options.record:
        check_file("--record", FilePath(options.record))
    from oracles import record
    from oracles.lockstep import OracleDied, OracleMissing
    from oracles.report import Request
    from oracles.walk import NotReproducible

    asked = {f.name: getattr(options, f.name) for f in fields(Request)}
    try:
        module = importlib.import_module(f"oracles.{options.oracle}.conform")
        found = module.conform(Request(**{**asked, "record": bool(options.record)}), on_stderr)
    except OracleMissing as error:
        print(f"{NOT_RUNNABLE}: {error}")
        return 3
    except (OracleDied, NotReproducible) as error:
        print(f"INCONCLUSIVE: {error}")
        return 3
    print(json.dumps(found.as_json(), indent=1) if options.json else "\n".join([*found.mutant_table(), *found.lines()]))
    if options.write:
        FilePath(options.write).mkdir(parents=True, exist_ok=True)
        for name, text in found.files().items():
            write_text(FilePath(options.write) / name, text)
    if options.record:
        write_text(FilePath(options.record), record.as_text(found.walks))
    return int(found.disagreement is not None)


def on_stderr(line: str) -> None:
    """What a long run says meanwhile."""
    print(line, file=sys.stderr, flush=True)


def replay_on(
    story: ParsedStory, oracle: str, other: Any, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], int]:
    """A story's steps on a real system: (what to print, exit code: 1 confirmed, 0 not reproduced, 3 not runnable)."""
    if oracle != "kvm":
        module = importlib.import_module(f"oracles.{oracle}.replay")
        found = module.replay_story(story, other, find, known)
        return found[0], int(found[1])
    told = read_story(story, other, find, known)
    if isinstance(told.scope, MigrationScope):
        return [told.title, *report_lines(ONE_KERNEL)], 3
    run = Path(told.path, told.story.loop_start, told.story.stutter)
    values = bindings_of(told.asked, told.scope)
    found = _on_kvm(told.roles, told.names, told.scope, run, told.asked, values)
    more = list[str]()
    if found.as_design and str(found).startswith(NOT_RUNNABLE):
        found, more = _beside_what_is_told(told, run, values, found)
    label = str(found)
    code = 1 if label.startswith(CONFIRMED) else 0 if label.startswith(NOT_REPRODUCED) else 3
    more = [*([REAL_ON_KVM] if code != 3 else []), *_what_follows(told, found), *more]
    if found.as_design and other is None and not (code == 1 and found.flags == told.scope.flags.name):
        more += _in_the_model(story, found.as_design, find, known)
    return [told.title, *report_lines(label), *(line for text in more for line in report_lines(text))], code


def report_lines(label: str) -> list[str]:
    from oracles.report import wrapped

    return wrapped(label, "  ")


def _short(told: Told) -> str:
    """The kernel design that a story is of; of a file, the title has the whole path."""
    return told.names["kernel"].rpartition("/")[2]


def _beside_what_is_told(told: Told, run: Path, values: Any, found: Any) -> tuple[Any, list[str]]:
    """A run that the running kernel's design does not show, taken beside the design that it is told of."""
    from oracles.confirm import Counterexample, shown_by
    from oracles.kvm.subjects import confirm_as_told

    claim = Counterexample(run.steps, run.loop_start, shown_by(told.asked, values))
    beside = confirm_as_told(told.roles, told.names, told.scope, claim)
    name = _short(told)
    if str(beside).startswith(NOT_REPRODUCED) and beside.step:
        return replace(beside, text=f"{beside.text} of {name}", as_design=found.as_design), [
            f"The step is the first that the running kernel takes otherwise than {name}: it is what {name} changes of "
            "what runs here."
        ]
    if str(beside).startswith(CONFIRMED):
        text = f"Beside the model of {name} nothing differs that can be seen from outside in these steps"
        return found, [f"{text}, so they do not tell whether the running kernel has this change."]
    return found, [f"Beside the model of {name}: {beside.text}"]


def _what_follows(told: Told, found: Any) -> list[str]:
    """Which design runs here, which one the story is of, and what the label says of them, as sentences."""
    from oracles.kvm.subjects import running_design
    from oracles.lockstep import OracleMissing

    try:
        running = running_design()
    except (OracleMissing, ModelError):
        return []
    name, label = _short(told), str(found)
    which = f"The running kernel has the design {running}, by what it advertises; the story is of"
    if not found.as_design:
        then = {
            CONFIRMED: " The running kernel does its part of this.",
            NOT_REPRODUCED: f" There {DIFFER.format(running)}",
        }
        return [f"{which} the same.{then.get(label.partition(':')[0], '')}"]
    which = f"{which} another, {name}."
    if label.startswith(NOT_REPRODUCED):
        return [which if found.step and not found.flags else f"{which} Taken as {running}: {DIFFER.format(running)}"]
    if not label.startswith(CONFIRMED):
        return [which]
    asked = told.scope.flags.name
    if found.flags == asked:
        return [f"{which} The steps were taken as {running}: the running kernel does its part of this, too."]
    return [
        f"{which} The steps were taken as {running}: the running kernel does its part of this, too, where its VMM "
        f"asks for the flags {found.flags}. The story's VMM asks for {asked}; with that {running} was not seen to do it: the "
        f"difference is what {name} changes.",
        *flag_lines({running: designs()[running]}, {ApiFlags[found.flags], told.scope.flags}),
    ]


def _in_the_model(story: ParsedStory, running: str, find: Finder, known: Mapping[str, Property]) -> list[str]:
    """Where the running kernel's design and the story's part, in the model."""
    with contextlib.suppress(ModelError):
        lines, _ = retell(story, (running, designs()[running]), find, known)
        parting = [line for line in lines if line.startswith(PARTING)]
        return [f"In the model ({running} is 'here'): {line}" for line in parting]
    return []


def _on_kvm(
    roles: Sequence[Any], names: Mapping[str, str], scope: Any, run: Path, p: Property, values: Sequence[tuple[Any, ...]]
) -> Any:  # fmt: skip
    """An oracles.confirm.Confirmation."""
    from oracles.confirm import Counterexample, shown_by
    from oracles.kvm.subjects import confirm_run

    def judge(system: type[Design], scope: Any) -> str:
        """Why the system that will be driven does not show the violation, though it may take the steps, or "".

        A loop is judged in its second round: the first one may begin in another state than the others."""
        loop = [] if run.loop_start is None else run.steps[run.loop_start :]
        start = None if run.loop_start is None else len(run.steps)
        steps = [*run.steps, *loop]
        story = ParsedStory(p.name, {}, {}, [], start, run.stutter, [0] * len(steps))
        telling = Telling(Reference(system, scope), p, story)
        return telling.run(steps) or telling.why_not()

    return confirm_run(roles, names, scope, Counterexample(run.steps, run.loop_start, shown_by(p, values), judge))


def confirmed(campaign: Campaign) -> Campaign:
    """The same campaign with a label on each violation."""
    return replace(campaign, results=tuple(_confirmed(r) for r in campaign.results))


def _confirmed(result: CellResult) -> CellResult:
    return replace(result, verdicts=tuple(_labelled(result, v) for v in result.verdicts))


def _labelled(result: CellResult, v: Verdict) -> Verdict:
    if v.status is not Status.VIOLATED or v.run is None:
        return v
    run = Path([(m.step, m.args) for m in v.run.moves], v.run.loop_start, v.run.stutter)
    cell = result.cell
    found = _on_kvm(cell.system.__bases__, cell.names, cell.scope, run, v.property, [tuple(v.binding.values())])
    return replace(v, confirmed=str(found))
