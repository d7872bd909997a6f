"""`eoi replay FILE --on kvm` and `eoi prove --confirm`: the steps of a run are taken on the running kernel's KVM."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from checker.engine.reference import Reference, Value, bindings_of
from checker.matrix.roles import designs
from checker.matrix.scope import flag_lines
from checker.questions.as_told import Told
from checker.questions.campaign import Campaign
from checker.questions.rerun import Rerun
from checker.questions.retell import PARTING, Finder, read_story, retell
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories.read import ParsedStory
from model.finite import ModelError
from model.lang import Design, Property
from model.lang import Scope as AnyScope
from model.machine import ApiFlags, Machine, Scope
from model.migration import MigrationScope
from oracles.confirm import Confirmation, Counterexample, Label, shown_by
from oracles.kvm.subjects import confirm_as_told, confirm_run, running_design
from oracles.lockstep import OracleMissing, Step
from oracles.report import wrapped

Values = Sequence[tuple[Value, ...]]  # of a property's parameters


@dataclass(frozen=True)
class Walked:
    """Steps with arguments; then back to loop_start, or, if `stutter`, staying for ever."""

    steps: Sequence[Step]
    loop_start: int | None
    stutter: bool


ONE_KERNEL = f"{Label.NOT_RUNNABLE.value}: the story moves a VM to another host or back in time, and one kernel runs here; see --on qemu"
DIFFER = "the model of {} and the running kernel differ, which `eoi conform kvm` looks into."
REAL = (
    "Real here is KVM, driven by ioctls, MSRs and KVM_RUN: its local APICs, its routes, its I/O APIC where it has one. The "
    "VMM, the guest and the device are the model's."
)


def replay_story(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], Label]:
    """(what to print, what became of it): a story's steps are run on KVM, everything else in the model."""
    told = read_story(story, other, find, known)
    if isinstance(told.scope, MigrationScope):
        return [told.title, *report_lines(ONE_KERNEL)], Label.NOT_RUNNABLE
    run = Walked(told.path, told.story.loop_start, told.story.stutter)
    values = bindings_of(told.asked, told.scope)
    found = _on_kvm(told.roles, told.names, told.scope, run, told.asked, values)
    more = list[str]()
    if found.as_design and found.label is Label.NOT_RUNNABLE:
        found, more = _beside_what_is_told(told, run, values, found)
    more = [*([REAL] if found.label is not Label.NOT_RUNNABLE else []), *_what_follows(told, found), *more]
    as_asked = found.label is Label.CONFIRMED and found.flags == told.scope.flags.name
    if found.as_design and other is None and not as_asked:
        more += _in_the_model(story, found.as_design, find, known)
    return [told.title, *report_lines(str(found)), *(line for text in more for line in report_lines(text))], found.label


def report_lines(label: str) -> list[str]:
    return wrapped(label, "  ")


def _short(told: Told) -> str:
    """The kernel design that a story is of; of a file, the title has the whole path."""
    return told.names["kernel"].rpartition("/")[2]


def _beside_what_is_told(
    told: Told, run: Walked, values: Values, found: Confirmation
) -> tuple[Confirmation, list[str]]:
    """A run that the running kernel's design does not show, taken beside the design that it is told of."""

    claim = Counterexample(run.steps, run.loop_start, shown_by(told.asked, values))
    beside = confirm_as_told(told.roles, told.names, told.scope, claim)
    name = _short(told)
    if beside.label is Label.NOT_REPRODUCED and beside.step:
        return replace(beside, text=f"{beside.text} of {name}", as_design=found.as_design), [
            f"The step is the first that the running kernel takes otherwise than {name}: it is what {name} changes of "
            "what runs here."
        ]
    if beside.label is Label.CONFIRMED:
        text = f"Beside the model of {name} nothing differs that can be seen from outside in these steps"
        return found, [f"{text}, so they do not tell whether the running kernel has this change."]
    return found, [f"Beside the model of {name}: {beside.text}"]


def _what_follows(told: Told, found: Confirmation) -> list[str]:
    """Which design runs here, which one the story is of, and what the label says of them, as sentences."""

    try:
        running = running_design()
    except (OracleMissing, ModelError):
        return []
    name = _short(told)
    which = f"The running kernel has the design {running}, by what it advertises; the story is of"
    if not found.as_design:
        then = {
            Label.CONFIRMED: " The running kernel does its part of this.",
            Label.NOT_REPRODUCED: f" There {DIFFER.format(running)}",
        }
        return [f"{which} the same.{then.get(found.label, '')}"]
    which = f"{which} another, {name}."
    if found.label is Label.NOT_REPRODUCED:
        return [which if found.step and not found.flags else f"{which} Taken as {running}: {DIFFER.format(running)}"]
    if found.label is not Label.CONFIRMED:
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
    roles: Sequence[type[Design]], names: Mapping[str, str], scope: Scope, run: Walked, p: Property, values: Values
) -> Confirmation:
    def judge(system: type[Design], scope: AnyScope) -> str:
        """Why the system that will be driven does not show the violation, though it may take the steps, or "".

        A loop is judged in its second round: the first one may begin in another state than the others."""
        loop = [] if run.loop_start is None else run.steps[run.loop_start :]
        start = None if run.loop_start is None else len(run.steps)
        steps = [*run.steps, *loop]
        again = Rerun(Reference(system, scope), p, start, run.stutter)
        return again.take(steps) or again.shown.why_not()

    return confirm_run(roles, names, scope, Counterexample(run.steps, run.loop_start, shown_by(p, values), judge))


def confirmed(campaign: Campaign) -> Campaign:
    """The same campaign with a label on each violation."""
    return replace(campaign, results=tuple(_confirmed(r) for r in campaign.results))


def _confirmed(result: CellResult) -> CellResult:
    return replace(result, verdicts=tuple(_labelled(result, v) for v in result.verdicts))


def _labelled(result: CellResult, v: Verdict) -> Verdict:
    if v.status is not Status.VIOLATED or v.run is None:
        return v
    run = Walked([(m.step, m.args) for m in v.run.moves], v.run.loop_start, v.run.stutter)
    cell = result.cell
    found = _on_kvm(cell.system.__bases__, cell.names, cell.scope, run, v.property, [tuple(v.binding.values())])
    return replace(v, confirmed=str(found))
