"""A run on one design beside the same steps on another one, up to where the two part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Reference
from checker.language.layout import leaves
from checker.matrix.cells import Cell
from checker.questions.rerun import Rerun, parting
from checker.questions.verdict import CellResult, Verdict
from checker.stories.replay import Steps, name_of, replay
from checker.stories.trace import Event, show
from model.finite import RangeError, decode


@dataclass(frozen=True)
class StateField:
    """A scalar of the state: its path, what people call it, and whose it is."""

    path: str
    label: str
    lane: str


@dataclass(frozen=True)
class FieldApart:
    """What a field is after the step in which two runs part, in the one that is told and in the other."""

    field: StateField
    here: str
    there: str


@dataclass(frozen=True)
class Beside:
    """The other system on the steps of a run. step: the first (from 1) in which it is not as here, None if it never parts.
    event: what it does there, None if it cannot take that step; why: then, why not. before: its state before that step."""

    step: int | None
    why: str = ""
    event: Event | None = None
    apart: Sequence[FieldApart] = ()
    before: Codes = ()


def beside(result: CellResult, verdict: Verdict, other: Cell) -> Beside:
    """Take the steps of a verdict's run on another system, whose cell this is."""
    run = verdict.run
    assert run is not None
    path = [(m.step, m.args) for m in run.moves]
    here, there = (
        Rerun(Reference(cell.system, cell.scope), verdict.property, run.loop_start, run.stutter)
        for cell in (result.cell, other)
    )
    here.states = list(run.codes)
    why = _taken(there, path)
    parted = parting(here, there)
    if parted is None:
        return Beside(len(there.moves) + 1, why, before=there.states[-1]) if why else Beside(None)
    fields = {one.path: one for one in fields_of(result.cell)}
    apart = [FieldApart(fields[leaf.leaf], leaf.here, leaf.there) for leaf in parted.leaves]
    if parted.number == 0:
        return Beside(0, apart=apart)
    states = there.states[: parted.number + 1]
    events = replay(other.system, other.scope, path[: parted.number], expected=states)
    return Beside(parted.number, event=events[-1], apart=apart, before=states[-2])


def _taken(there: Rerun, path: Steps) -> str:
    try:
        return there.take(path)
    except RangeError as error:
        return str(error)


def fields_of(cell: Cell) -> list[StateField]:
    """Of a system's state, in layout order."""
    found = list[StateField]()
    for leaf in leaves(cell.system.state_type(cell.scope)):
        lane, label = name_of(cell.system, leaf)
        found.append(StateField(str(leaf), label, lane))
    return found


def values_of(cell: Cell, codes: Codes) -> list[str]:
    """A state of a system as text, in layout order."""
    of = leaves(cell.system.state_type(cell.scope))
    return [show(decode(leaf.type, code)) for leaf, code in zip(of, codes, strict=True)]
