"""A second counterexample that is a different one.

Different is a run that never takes a step (a function) which the first takes; or else, where the property speaks of states or
steps, one that is first wrong by another step than the first. For the former the cell is explored again without each step of
the first. Of a leads_to only FREE and FINITE steps are taken away: a run owes the others, so that one without them would be none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checker.engine.atoms import Atom
from checker.engine.entering import Edges, entering
from checker.engine.native import Graph, Outcome
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Codes, Move, Reference
from checker.engine.search import Limits, NativeSearch, ReferenceSearch, open_search
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.questions.verdict import Account, CellResult, Judge, Path, Status, Verdict, asked_of
from checker.stories.trace import Trace
from model.lang import Design, Fair, Kind, Property, Scope


@dataclass(frozen=True)
class OtherAnswer:
    """What one cell has of other runs. how: in which way it is different; needed: steps without which no run shows it; ends: the
    step by which each is first so, if that was asked; owed: steps that were not taken away; left: what a limit left open."""

    cell: Cell
    verdict: Verdict | None = None
    how: str = ""
    needed: tuple[str, ...] = ()
    ends: str = ""
    owed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Without(Reference):
    """The system, but for one step."""

    def __init__(self, design: type[Design], scope: Scope, step: str) -> None:
        super().__init__(design, scope)
        self.left_out = step

    def successor(self, state: Codes, move: Move) -> Codes | None:
        return None if move.step == self.left_out else super().successor(state, move)


def other_run(cell: Cell, first: Verdict, engine: str, limits: Limits) -> OtherAnswer:
    """Of the same property. cell: the first's, or one that is like it but larger."""
    p, taken = first.property, steps_of(first)
    info = cell.system.steps()
    owed = [s for s in taken if p.kind is Kind.LEADS_TO and info[s].fair in (Fair.WEAK, Fair.STRONG)]
    found = {step: _without(cell, p, step, engine, limits) for step in taken if step not in owed}
    runs = {step: v for step, v in found.items() if v.run is not None}
    left = [f"without {s}()" for s, v in found.items() if v.status is Status.INCONCLUSIVE]
    needed = [s for s, v in found.items() if v.run is None and v.status is not Status.INCONCLUSIVE]
    # The last step of the first is the nearest to what went wrong: among equals, a run without that is the most different.
    best = min(reversed(runs), key=lambda step: _length(runs[step]), default="")
    verdict, how = runs.get(best), f"the shortest of those that never take {best}()"
    if verdict is not None or p.kind is Kind.LEADS_TO or not taken:
        return OtherAnswer(cell, verdict, how, tuple(needed), "", tuple(owed), tuple(left))
    other = _ending_otherwise(cell, first, engine, limits)
    if other is None:
        return OtherAnswer(cell, None, "", tuple(needed), _last(first), (), tuple(left))
    if other.run is None:
        return OtherAnswer(cell, None, "", tuple(needed), "", (), (*left, "by another step"))
    how = f"the shortest that is first so by {_last(other)}(), not by {_last(first)}()"
    return OtherAnswer(cell, other, how, tuple(needed), "", (), tuple(left))


def steps_of(verdict: Verdict) -> list[str]:
    """Each step of its run once."""
    return list(dict.fromkeys(move.step for move in verdict.run.moves)) if verdict.run else []


def _last(verdict: Verdict) -> str:
    return verdict.run.moves[-1].step if verdict.run and verdict.run.moves else ""


def _length(verdict: Verdict) -> tuple[int, int]:
    run = verdict.run
    assert run is not None
    return (run.length if run.loop_start is None else run.loop_start), run.length


def elsewhere(results: Sequence[CellResult], first: Verdict) -> tuple[CellResult, Verdict, str] | None:
    """The shortest run of another cell that never takes one of the first's steps, and which."""
    taken = steps_of(first)
    found = [
        (r, v, lacking)
        for r in results
        for v in r.verdicts
        if v.status is first.status and v.run is not None and v.property is first.property
        for lacking in [[step for step in taken if step not in steps_of(v)]]
        if lacking
    ]
    if not found:
        return None
    result, verdict, lacking = min(found, key=lambda f: _length(f[1]))
    return result, verdict, f"in {result.cell}, the shortest of those that never take {lacking[-1]}()"


# --- without a step ---


def _without(cell: Cell, p: Property, step: str, engine: str, limits: Limits) -> Verdict:
    prepared = prepare(cell.system, cell.scope, asked_of(cell, [p]))
    search = open_search(prepared, Without(cell.system, cell.scope, step), engine, without=[step])
    return _searched(cell, prepared, search, limits).verdict(p)


def _searched(cell: Cell, prepared: Prepared, search: NativeSearch | ReferenceSearch, limits: Limits) -> Judge:
    search.run(limits, None)
    if search.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return Judge(cell, prepared, search, Reference(cell.system, cell.scope))


# --- by another step ---


def _ending_otherwise(cell: Cell, first: Verdict, engine: str, limits: Limits) -> Verdict | None:
    """The shortest run into what the first shows, and not into it before, whose last step is another one."""
    p = first.property
    prepared = prepare(cell.system, cell.scope, asked_of(cell, [p]))
    reference = Reference(cell.system, cell.scope)
    search = open_search(prepared, reference, engine, keep_edges=True)
    judge = _searched(cell, prepared, search, limits)
    if not judge.complete:
        return Verdict(p, Status.INCONCLUSIVE, note=search.outcome.value)
    graph = search.kept_graph()
    shows = {atom: _showing(p, atom, graph, search) for atom in judge.atoms_of(p)}
    any_shows = np.logical_or.reduce([*shows.values()])
    other = np.array([move.step != _last(first) for move in reference.moves])
    path = entering(graph, ~any_shows, any_shows & other[graph.label])
    if path is None:
        return None
    atom = next(atom for atom, edges in shows.items() if edges[path[-1]])
    states = [0, *(int(graph.target[edge]) for edge in path)]
    return judge.told(p, Path(states, [int(graph.label[edge]) for edge in path]), atom)


def _showing(p: Property, atom: Atom, graph: Graph, search: NativeSearch | ReferenceSearch) -> Edges:
    """Of each edge: does it lead to what is to be shown (or, of steps, is it that)?"""
    if atom.of_edges:
        return ~search.values_of_edges(atom)
    shown = search.values_of(atom) == (p.kind is Kind.REACHABLE)
    return np.array(shown[graph.target])  # also from where it is so already: such an edge is never reached


def told(cell: Cell, verdict: Verdict, reproduce: str, engine: str, limits: Limits) -> Trace:
    """Its story. It is the shortest of all where it is as short as the cell's first."""
    run, p = verdict.run, verdict.property
    assert run is not None
    prepared = prepare(cell.system, cell.scope, asked_of(cell, [p]))
    first = _searched(
        cell, prepared, open_search(prepared, Reference(cell.system, cell.scope), engine), limits
    ).verdict(p)
    shortest = first.run is not None and _length(first)[0] == _length(verdict)[0]
    account = Account(cell, p, property_argument(p), run)
    return account.trace(verdict.binding, reproduce, shortest=shortest)


# --- in words ---


def answer_text(answers: Sequence[OtherAnswer], first: str, what: str) -> str:
    """Of cells that are the larger the later. first: how long that is; what: `violation` or `run there`."""
    found = answers[-1]
    where = ",".join(f"{name}={size}" for name, size in found.cell.scope.sizes().items())
    if found.verdict is not None:
        return f"Another {what}, {found.how}, with {where} (the first: {first})"
    return "; ".join(_why_none(found, f"No other {what} with {where}"))


def _why_none(found: OtherAnswer, said: str) -> Iterator[str]:
    ends = f", and is first so by {found.ends}()" * bool(found.ends)
    yield f"{said}: each takes {_names(found.needed)}{ends}" if found.needed else said
    if found.owed:
        yield f"not taken away, since a run owes them: {_names(found.owed)}"
    if found.left:
        yield f"INCONCLUSIVE, as a limit was reached: {', '.join(found.left)}"


def _names(steps: Sequence[str]) -> str:
    return ", ".join(f"{step}()" for step in steps)
