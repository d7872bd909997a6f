"""Commands that need a real system: conform, replay --on, prove --confirm. oracles/ is imported only when one runs."""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.campaign import Campaign
from checker.errors import UserError
from checker.reference import Reference, bindings_of
from checker.retell import Finder, Telling, read_story
from checker.story_parser import ParsedStory
from checker.verdict import CellResult, Status, Verdict
from model.lang import Design, Property


@dataclass(frozen=True)
class Path:
    """Steps with arguments; then back to loop_start, or, if `stutter`, staying for ever."""

    steps: Sequence[Any]
    loop_start: int | None
    stutter: bool


CONFIRMED, NOT_REPRODUCED = "CONFIRMED", "NOT REPRODUCED"
ORACLES = ("kvm", "qemu")


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
    parser.add_argument("--write", metavar="DIR", help="also write the report to DIR, as text and JSON")
    parser.add_argument("--record", metavar="FILE", help="write the random walks as they were observed")
    parser.add_argument("--json", action="store_true", help="machine-readable numbers")


def run_conform(options: Namespace) -> int:
    """0: everything agreed; 1: a difference; 3: there is no such system here."""
    if options.steps and options.cover and not (options.random or options.mutants):
        raise UserError("--steps is for random walks: a covering walk ends when everything is covered")
    module = importlib.import_module(f"oracles.{options.oracle}.conform")
    code: int = module.conform(options)
    return code


def replay_on(
    text: str, oracle: str, other: Any, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], int]:
    """A story's steps on a real system: (what to print, exit code: 1 confirmed, 0 not reproduced, 3 not runnable)."""
    if oracle != "kvm":
        module = importlib.import_module(f"oracles.{oracle}.conform")
        found = module.replay_story(text, other, find, known)
        return found[0], int(found[1])
    told = read_story(text, other, find, known)
    p = told.asked
    run = Path(told.path, told.story.loop_start, told.story.stutter)
    label = _label_of(told.roles, told.names, told.scope, run, p, bindings_of(p, told.scope))
    code = 1 if label.startswith(CONFIRMED) else 0 if label.startswith(NOT_REPRODUCED) else 3
    return [told.title, *report_lines(label)], code


def report_lines(label: str) -> list[str]:
    from oracles.report import wrapped

    return wrapped(label, "  ")


def _label_of(
    roles: Sequence[Any], names: Mapping[str, str], scope: Any, run: Path, p: Property, values: Sequence[tuple[Any, ...]]
) -> str:  # fmt: skip
    from oracles.confirm import Claim, shown_by
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

    return str(confirm_run(roles, names, scope, Claim(run.steps, run.loop_start, shown_by(p, values), judge)))


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
    label = _label_of(cell.system.__bases__, cell.names, cell.scope, run, v.property, [tuple(v.binding.values())])
    return replace(v, confirmed=label)
