"""Is a counterexample of the model also one of the running kernel? Its steps are taken in lock-step.

CONFIRMED           every step was taken by the model and by KVM, everything observable agreed, and the run ends as the
                    verdict says; a loop was run three times. The VMM, the guest and the device are the model's.
NOT REPRODUCED      the real kernel did something else: the first step that differs
NOT RUNNABLE HERE   there is no oracle, or it cannot do a step, or the running kernel's design does not take this run
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from checker.engine.reference import is_of_edges
from model.lang import Design, Disabled, Kind, Property, Scope, cells, save
from oracles.lockstep import (
    Arguments,
    Mismatch,
    NotRunnable,
    OracleDied,
    OracleMissing,
    Spelling,
    Step,
    Totals,
    step_text,
)
from oracles.walk import Subject

ROUNDS = 3  # of a loop


class Label(Enum):
    CONFIRMED = "CONFIRMED"
    NOT_REPRODUCED = "NOT REPRODUCED"
    NOT_RUNNABLE = "NOT RUNNABLE HERE"


@dataclass(frozen=True)
class Confirmation:
    """as_design: the design that the run was taken with, if it is another one than the run is told of; flags: what
    its VMM asked KVM for then. step: the number of the step that differs (0: the set-up)."""

    label: Label
    text: str
    as_design: str = ""
    flags: str = ""
    step: int | None = None

    def __str__(self) -> str:
        return f"{self.label.value}: {self.text}"


@dataclass(frozen=True)
class Counterexample:
    """A run that is said to show something. steps[loop_start:] are repeated for ever. shown: whether the state at
    the end shows it; None where that is not a matter of one state. judge: asked first, of the system that will be run:
    why this run does not show in the model what is said of it, or ""."""

    steps: Sequence[Step]
    loop_start: int | None = None
    shown: Callable[[Design], bool] | None = None
    judge: Callable[[type[Design], Scope], str] | None = None


def shown_by(p: Property, values: Sequence[Arguments]) -> Callable[[Design], bool] | None:
    """Whether the last state shows an `always` violated, or a `reachable` reached, for some of these values of its
    parameters; None for properties of more than one state."""
    if p.kind is Kind.LEADS_TO or is_of_edges(p):
        return None
    return lambda system: any(bool(p.function(system, *v)) is (p.kind is Kind.REACHABLE) for v in values)


def confirm(subject_of: Callable[[], Subject], claim: Counterexample) -> Confirmation:
    """Take the run on a real system; see the module's docstring."""
    try:
        subject = subject_of()
    except OracleMissing as error:
        return Confirmation(Label.NOT_RUNNABLE, str(error))
    why_not = claim.judge(subject.design, subject.scope) if claim.judge is not None else ""
    if why_not:
        subject.real.close()
        return Confirmation(Label.NOT_RUNNABLE, f"as {subject.names.get('kernel', 'driven')} {why_not}")
    totals = Totals()
    walk = list(claim.steps)
    number = 0
    try:
        lock = subject.begin(totals)
        turns = []
        for number, (name, args) in enumerate(_unrolled(walk, claim.loop_start), 1):
            if _begins_a_turn(claim, number):
                turns.append(save(list(cells(lock.system))))
            lock.step(name, args)
        why_not = _why_not(claim, lock.system, turns)
    except Mismatch as mismatch:
        return Confirmation(Label.NOT_REPRODUCED, _difference(subject, mismatch), step=mismatch.number)
    except (NotRunnable, OracleDied) as error:
        return Confirmation(Label.NOT_RUNNABLE, f"step {number}: {error}")
    except Disabled:
        who = subject.names.get("kernel", "the design")
        return Confirmation(
            Label.NOT_RUNNABLE, f"{who} cannot take step {number}, {step_text(walk[(number - 1) % len(walk)])}"
        )
    finally:
        subject.real.close()
    if why_not:
        return Confirmation(Label.NOT_RUNNABLE, why_not)
    rounds = f", the loop {ROUNDS} times" if claim.loop_start is not None else ""
    return Confirmation(
        Label.CONFIRMED,
        f"{number} steps{rounds}, {totals.entries or 'no'} calls of the real system, no difference; {subject.real.title}",
    )


def _begins_a_turn(claim: Counterexample, number: int) -> bool:
    """Is step `number` (from 1) the first of the loop?"""
    first = claim.loop_start
    return first is not None and number > first and (number - 1 - first) % _period(claim) == 0


def _period(claim: Counterexample) -> int:
    return len(claim.steps) - (claim.loop_start or 0)


def _unrolled(walk: list[Step], loop_start: int | None) -> list[Step]:
    return walk if loop_start is None else walk + walk[loop_start:] * (ROUNDS - 1)


def _why_not(claim: Counterexample, system: Design, turns: list[tuple[int, ...]]) -> str:
    """Why the run, though it can be taken, does not show what was said, or ""."""
    if claim.loop_start is not None and {save(list(cells(system))), *turns[1:]} != {turns[-1]}:
        return "the loop does not come back to the same state with the kernel driven from here"
    if claim.shown is not None and not claim.shown(system):
        return "the running kernel's design takes these steps, and they do not end as the verdict says"
    return ""


def _difference(subject: Subject, mismatch: Mismatch) -> str:
    names = Spelling(subject.design, subject.scope)
    first = mismatch.differences[0]
    step = f"step {mismatch.number}, {step_text(mismatch.step)}" if mismatch.number else "the set-up"
    model, real = names.text(first.name, first.model), names.text(first.name, first.real)
    return f"{step}: {first.name} is {real} in the real system and {model} in the model"
