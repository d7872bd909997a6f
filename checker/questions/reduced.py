"""A cell searched with `--reduce`: one state is kept for all that differ in nothing but how rows are numbered.

What is asked of states and steps is asked of these; what they must lead to some time, and formulas that tell rows apart, of all
states, in a search of its own. Where a step is met that tells rows apart nothing is reduced, and the answer says which.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from checker.engine.native import NoCompiler, Outcome, Stats
from checker.engine.orbits import Orbits
from checker.engine.passages import SourceLine
from checker.engine.prepare import Prepared
from checker.engine.quotient import Noticed, QuotientSearch
from checker.engine.reference import Reference
from checker.engine.search import Limits, stop_when
from checker.errors import EnginesDisagree, UserError
from checker.language.layout import instances
from checker.matrix.cells import Cell
from checker.questions.recheck import LEAST, SEED
from checker.questions.reduction import Reduction, reduction_of
from checker.questions.verdict import CellResult, Judge, Reduced, Status, Verdict, check_cell, judged, prepared_for
from checker.stories.trace import show
from model.lang import Kind, Property


def check_reduced(
    cell: Cell, wanted: Sequence[Property], *, engine: str = "auto", limits: Limits | None = None,
    on_progress: Callable[[Stats], None] | None = None, stop: threading.Event | None = None,
    on_phase: Callable[[str], None] | None = None, again: int = LEAST,
) -> CellResult:  # fmt: skip
    """As check_cell, with what was reduced."""
    if engine not in ("auto", "native"):
        raise UserError(f"--reduce is the native engine's: it does not go with --engine {engine}")
    limits, started = limits or Limits(), time.monotonic()

    def of_all(properties: Sequence[Property]) -> CellResult:
        return check_cell(
            cell, properties, engine=engine, limits=limits, on_progress=on_progress, stop=stop, on_phase=on_phase, again=again
        )  # fmt: skip

    first, why_not = _first(
        cell, wanted, limits, stop_when(stop or threading.Event(), on_progress), stop, again, engine
    )
    if first is None:
        return replace(of_all(wanted), reduced=Reduced(why_not=why_not))
    found = {v.property.function for v in first.verdicts}
    rest = [p for p in wanted if p.function not in found]
    second = of_all(rest) if rest else None
    joined = _joined(wanted, first, second)
    if second is None and not all(joined.lines_run.values()):
        # a line may be run for some row only, for which another one stands
        joined = replace(joined, lines_run=_either(joined.lines_run, of_all([]).lines_run))
    return replace(joined, seconds=time.monotonic() - started)


def _either(one: Mapping[SourceLine, bool], other: Mapping[SourceLine, bool]) -> dict[SourceLine, bool]:
    return {line: was_run or other.get(line, False) for line, was_run in one.items()}


def _first(
    cell: Cell, wanted: Sequence[Property], limits: Limits, on_progress: Callable[[Stats], None],
    stop: threading.Event | None, again: int, engine: str,
) -> tuple[CellResult | None, dict[str, str]]:  # fmt: skip
    """What representatives say, of what can be asked of them; None and why, if nothing can or may. Where rows of some size are told
    apart, they are tried no more."""
    reference, why_not = Reference(cell.system, cell.scope), dict[str, str]()
    prepared = prepared_for(cell, wanted)
    while True:
        plan = reduction_of(prepared, cell.scope, why_not)
        these = _of_representatives(cell, wanted, prepared, plan)
        if not plan.sizes or not any(p.why_not(cell.system) is None for p in these):
            nothing = (
                "nothing is asked that can be asked of fewer states" if plan.sizes else "there is one of everything"
            )
            return None, why_not | plan.too_many or {"": nothing}
        try:
            found = _searched(cell, these, reference, plan, limits, on_progress, stop, again)
        except Noticed as noticed:
            why_not |= _why_noticed(noticed)
        except NoCompiler:
            if engine == "native":
                raise
            return None, {"": "there is no C compiler"}
        else:
            reduced = found.reduced
            assert reduced is not None
            return replace(found, reduced=replace(reduced, why_not=why_not | plan.too_many)), {}


def _of_representatives(
    cell: Cell, wanted: Sequence[Property], prepared: Prepared, plan: Reduction
) -> list[Property]:  # fmt: skip
    """What can be asked of them, or is not asked at all: neither the formula nor that of its premise tells rows apart."""
    notice = {prepared.properties[number].function for number in plan.asked_of_all}
    found = list[Property]()
    for p in wanted:
        functions = {p.function, *([p.starts_from.function] if p.starts_from is not None else [])}
        if p.why_not(cell.system) is not None or (p.kind is not Kind.LEADS_TO and not functions & notice):
            found.append(p)
    return found


def _searched(
    cell: Cell, these: Sequence[Property], reference: Reference, plan: Reduction, limits: Limits,
    on_progress: Callable[[Stats], None], stop: threading.Event | None, again: int,
) -> CellResult:  # fmt: skip
    """Raises Noticed, NoCompiler."""
    prepared = prepared_for(cell, these)
    search = QuotientSearch(prepared, reference, Orbits(prepared.program, plan.renamings), plan.open_steps, plan.tried)
    search.run(limits, on_progress)
    if stop is None and search.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    result = judged(Judge(cell, prepared, search, reference, stop), these, again)
    if again and search.outcome is Outcome.COMPLETE:
        renamed_in_python(cell, search, reference, again)
    by = Reduced(tuple(plan.sizes), search.stands_for(), search.is_exact())
    return replace(result, reduced=by, verdicts=tuple(_noted(v, by) for v in result.verdicts))


def _noted(verdict: Verdict, reduced: Reduced) -> Verdict:
    """A verdict that rests on the reduction says so."""
    if verdict.status not in (Status.HOLDS, Status.NEVER):
        return verdict
    return replace(verdict, note="; ".join(filter(None, (verdict.note, f"reduced by {' and '.join(reduced.by)}"))))


def renamed_in_python(cell: Cell, search: QuotientSearch, reference: Reference, number: int) -> None:
    """In a sample of so many states: a state that is renamed has the same representative, and from there CPython takes the renamed
    steps. Raises EnginesDisagree."""
    program, chance = search.orbits.program, Random(SEED)
    every = instances(program)
    for state in sorted(chance.sample(range(search.stats().states), min(number, search.stats().states))):
        renaming, codes = chance.choice(search.orbits.renamings[1:]), search.codes(state)
        standing = search.number(renaming.state(program, codes))
        if standing != state:
            where = f"{cell}: what stands for state {state}, renamed by {dict(renaming.to)}"
            raise EnginesDisagree(where, {"the engine": str(standing), "CPython": str(state)})
        labels = renaming.labels(program)
        expected = {(labels[n], renaming.state(program, after)) for n, after in reference.successors(codes)}
        taken = set(reference.successors(renaming.state(program, codes)))
        if expected != taken:
            label, _ = min(expected ^ taken)
            where = f"{cell}: {every[label].step}() from state {state}, renamed by {dict(renaming.to)}"
            raise EnginesDisagree(where, {"the engine": "renamed as well", "CPython": "not so"})


def _why_noticed(noticed: Noticed) -> dict[str, str]:
    index = [index for index, to in noticed.renaming.to if to != tuple(range(len(to)))][-1]
    args = ", ".join(map(show, noticed.step.args)) if noticed.step else ""
    what = f"{noticed.step.step}({args})" if noticed.step else "some step"
    return {index: f"{what} tells them apart in a state that is met"}


def _joined(wanted: Sequence[Property], first: CellResult, second: CellResult | None) -> CellResult:
    """The verdicts in the order in which they are asked; what was covered is said of the reduced search."""
    if second is None or first.reduced is None:
        return first
    found = {v.property.function: v for result in (first, second) for v in result.verdicts}
    lines = _either(first.lines_run, second.lines_run)
    return replace(
        first, verdicts=tuple(found[p.function] for p in wanted), lines_run=lines,
        outcome=first.outcome if first.outcome is not Outcome.COMPLETE else second.outcome,
        never_fired=tuple(name for name in first.never_fired if name in second.never_fired),
        reduced=replace(first.reduced, of_all=tuple(v.property.name for v in second.verdicts)),
    )  # fmt: skip
