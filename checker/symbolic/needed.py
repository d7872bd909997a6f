"""Which step would break what, without which clause? What a clause is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from checker.language.ir import Program
from checker.symbolic.before import StateBefore
from checker.symbolic.obligations import NO_FAULT, Goal, Obligations, StepBreaks
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.lang import Scope

Needed = tuple[str, str]  # a step, and what it may break: a clause or a property


class NotInductive(Exception):
    """Some step leaves them: its name, and what it breaks."""


def needed_by(
    program: Program, scope: Scope, clauses: Sequence[Clause], watch: Callable[[str], None]
) -> Mapping[Clause, Sequence[Needed]]:
    """For each clause all that fails without it, the others and the properties holding; nothing where it is not needed.
    Raises NotInductive if some step leaves all of them."""
    before = StateBefore(program, scope, Vocabulary(program))
    found: dict[Clause, list[Needed]] = {clause: [] for clause in clauses}
    for step in program.steps:
        watch(f"{step.name}() without each clause")
        obligations = Obligations(before, step)
        goals: list[Goal] = [NO_FAULT, *obligations.formulas, *clauses]
        for goal in goals:
            said = obligations.ask(goal, clauses)
            if isinstance(said, StepBreaks):
                raise NotInductive(step.name, str(goal))
            for clause in sorted(said.because - {goal}, key=str):
                others = [c for c in clauses if c != clause]
                if isinstance(obligations.ask(goal, others), StepBreaks):
                    found[clause].append((step.name, str(goal)))
        obligations.close()
    return found
