"""Walks as they were really observed, for those who judge rules by them (oracles/mutation/judge.py).

A recorded step holds the step's name, its arguments, and what was seen of the real system after it: codes by leaf path
(`model.finite.encode`), equal to the model's where the two were compared. Only steps that did something to the real
system have observations. Which leaves can be observed: of KVM see oracles/kvm/view.py (errno, irqchip_mode; each
LAPIC's LVR.24, SPIV.8, SPIV.12, IRR, ISR, TMR; the exit of a vCPU that just ran; in-kernel redirection entries with
Remote IRR). Spelling that are no leaf (KVM_CHECK_EXTENSION's bits) are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from checker.language.layout import leaves
from checker.stories.trace import show
from model.lang import Design, Scope
from oracles.lockstep import INITIAL, Arguments, Seen, Step
from oracles.walk import Subject


@dataclass(frozen=True)
class RecordedStep:
    """seen: leaf path -> code as observed after the step; empty for a step that only the model took."""

    step: str
    args: Arguments
    seen: Mapping[str, int]


@dataclass
class RecordedWalk:
    """A walk from the initial state. roles: role -> name; scope: name -> value as text."""

    design: type[Design]
    scope: Scope
    roles: Mapping[str, str]
    steps: list[RecordedStep] = field(default_factory=list[RecordedStep])

    def __iter__(self) -> Iterator[Step]:
        return ((s.step, s.args) for s in self.steps)


class Recorder:
    """The on_step of a walk: every walk is added to `walks`, initial() left out."""

    def __init__(self, subject: Subject, walks: list[RecordedWalk] | None = None) -> None:
        self.subject = subject
        self.walks = [] if walks is None else walks
        self.names = {str(leaf) for leaf in leaves(subject.design.state_type(subject.scope))}

    def __call__(self, seen: Seen) -> None:
        if seen.step == INITIAL:
            self.walks.append(RecordedWalk(self.subject.design, self.subject.scope, self.subject.names))
            return
        codes = {name: code for name, code in seen.observed.items() if name in self.names} if seen.entries else {}
        self.walks[-1].steps.append(RecordedStep(*seen.step, codes))


def as_text(walks: Iterable[RecordedWalk]) -> str:
    """One JSON line for each walk, with arguments as text."""
    lines = []
    for walk in walks:
        scope = {name: show(value) for name, value in vars(walk.scope).items()}
        steps = [[s.step, [show(a) for a in s.args], s.seen] for s in walk.steps]
        lines.append(json.dumps({"roles": dict(walk.roles), "scope": scope, "steps": steps}) + "\n")
    return "".join(lines)
