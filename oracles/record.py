"""Walks as they were really observed, for those who judge rules by them (oracles/mutation/mutants.py).

A recorded step holds the step's name, its arguments, and what was seen of the real system after it: codes by leaf path
(`model.finite.encode`), equal to the model's where the two were compared. Only steps that did something to the real
system have observations. Which leaves can be observed: of KVM see oracles/kvm/view.py (errno, irqchip_mode; each
LAPIC's LVR.24, SPIV.8, SPIV.12, IRR, ISR, TMR; the exit of a vCPU that just ran; in-kernel redirection entries with
Remote IRR). Names that are no leaf (KVM_CHECK_EXTENSION's bits) are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checker.engine.reference import parameter_values
from checker.language.layout import leaves
from checker.stories.trace import show
from model.lang import Design, Scope
from oracles.lockstep import Seen, Step
from oracles.walk import Subject


@dataclass(frozen=True)
class RecordedStep:
    """seen: leaf path -> code as observed after the step; empty for a step that only the model took."""

    step: str
    args: tuple[Any, ...]
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
    """Give `start` and `step` to a walk as on_start and on_step; then `walks` holds every walk, initial() left out."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.walks: list[RecordedWalk] = []
        self.names = {str(leaf) for leaf in leaves(subject.design.state_type(subject.scope))}

    def start(self) -> None:
        self.walks.append(RecordedWalk(self.subject.design, self.subject.scope, self.subject.names))

    def step(self, seen: Seen) -> None:
        if not self.walks:
            self.start()
        if seen.step[0] != "initial":
            codes = {name: code for name, code in seen.observed.items() if name in self.names} if seen.entries else {}
            self.walks[-1].steps.append(RecordedStep(*seen.step, codes))


def write(walks: list[RecordedWalk], path: Path) -> None:
    """One JSON line for each walk, with arguments as text."""
    with path.open("w", encoding="utf-8") as file:
        for walk in walks:
            scope = {name: show(value) for name, value in vars(walk.scope).items()}
            steps = [[s.step, [show(a) for a in s.args], s.seen] for s in walk.steps]
            file.write(json.dumps({"roles": dict(walk.roles), "scope": scope, "steps": steps}) + "\n")


def read(path: Path, design: type[Design], scope: Scope) -> list[RecordedWalk]:
    """The walks of a file, for the system that they were recorded of. Raises KeyError for a step or argument that the
    system does not have."""
    spelled = {
        (name, *map(show, args)): args
        for name in design.steps()
        for args in parameter_values(getattr(design, name), scope, skip=1)
    }
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        steps = [RecordedStep(name, spelled[(name, *args)], seen) for name, args, seen in raw["steps"]]
        found.append(RecordedWalk(design, scope, raw["roles"], steps))
    return found
