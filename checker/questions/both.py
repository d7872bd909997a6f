"""`--engine both`: each cell is explored by the native engine and by the reference; they say the same, or nobody says anything.

A verdict without a run (HOLDS, NEVER) that only one of the two came to is INCONCLUSIVE, and says so: what the other could not find
out is not folded into it. One with a run stays: that was taken again in CPython, whoever found it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from checker.engine.native import Outcome
from checker.errors import EnginesDisagree
from checker.questions.verdict import CellResult, Status, Verdict

ENGINES = ("native", "reference")
BOTH = "both"
CALLED = " and ".join(ENGINES)  # as engine of an answer


def by_engine(engine: str, find_out: Callable[..., CellResult]) -> Callable[[], CellResult]:
    """find_out: takes the engine."""
    return functools.partial(by_both, find_out) if engine == BOTH else functools.partial(find_out, engine=engine)


def by_both(find_out: Callable[..., CellResult]) -> CellResult:
    """Raises EnginesDisagree with both answers."""
    return agreed(*(find_out(engine=name) for name in ENGINES))


def agreed(native: CellResult, reference: CellResult) -> CellResult:
    """What both say. The loop of a lasso need not be the same one: its stem is shortest, and is."""
    whole = native.outcome is reference.outcome is Outcome.COMPLETE
    if whole:
        _compare(f"{native.cell}: what is reachable", _covered(native), _covered(reference))
    pairs = list(zip(native.verdicts, reference.verdicts, strict=True))
    verdicts = tuple(_of_both(str(native.cell), *pair) for pair in pairs)
    outcome = native.outcome if native.outcome is not Outcome.COMPLETE else reference.outcome
    seconds = native.seconds + reference.seconds
    return replace(native, verdicts=verdicts, outcome=outcome, engine=CALLED, seconds=seconds)


def _covered(result: CellResult) -> str:
    stats = result.stats
    return f"{stats.states} states, {stats.transitions} transitions, depth {stats.depth - 1}"


def _of_both(cell: str, native: Verdict, reference: Verdict) -> Verdict:
    answers = (native, reference)
    decided = [v for v in answers if v.status is not Status.INCONCLUSIVE]
    if len(decided) == 2:
        _compare(f"{cell}: {native.property.name}", _text(native), _text(reference))
        return native
    with_run = next((v for v in decided if v.run is not None), None)
    if with_run is not None or not decided:
        return with_run or native
    name = ENGINES[answers.index(decided[0])]
    return Verdict(
        native.property, Status.INCONCLUSIVE, note=f"only the {name} engine answers: {decided[0].status.value}"
    )


def _compare(what: str, native: str, reference: str) -> None:
    if native != reference:
        raise EnginesDisagree(
            what, dict(zip((f"the {name} engine" for name in ENGINES), (native, reference), strict=True))
        )


def _text(v: Verdict) -> str:
    """Its status, with what is known of it beside the run, and how long the shortest run is."""
    said = f"{v.status.value}{' (vacuous)' * v.is_vacuous()}"
    if v.run is None:
        return said
    stem = v.run.length if v.run.loop_start is None else v.run.loop_start
    end = " and a loop" if v.run.loop_start is not None else ", then for ever nothing" if v.run.stutter else ""
    return f"{said} in {stem} steps{end}"
