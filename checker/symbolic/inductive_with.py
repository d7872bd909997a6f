"""Are properties inductive together with clauses? z3 is asked, which shares with whoever learnt the clauses only the IR and what
a run of it means (smt.py): not the graph, not its clauses for a solver, not the choice of what is asked.

For each instance of a step: from a well-typed state in which all of them hold for all indices and arguments, does one of them
fail after it, or does the step store out of range? And do they hold in the initial state?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from checker.language.ir import Program
from checker.language.layout import Instance, bindings, instances
from checker.symbolic.smt import Symbolic
from checker.symbolic.terms import Term
from checker.symbolic.views import indices, value_of
from checker.symbolic.vocabulary import Clause, Vocabulary
from checker.symbolic.z3_terms import Z3Terms, z3
from model.lang import Kind, Scope

TIMEOUT_MS = 20_000  # for each step
FAULT = "no value leaves its range"
SECOND = "cvc5"  # who else may be asked


@dataclass(frozen=True)
class JointInduction:
    """broken: what does not hold at first, or after which step, in the order of the steps. open: steps without an answer."""

    broken: Sequence[tuple[str, str]]
    open: Sequence[Instance]
    asked: int

    @property
    def inductive(self) -> bool:
        return self.asked > 0 and not self.broken and not self.open


Ask = Callable[[Any, int], str]  # constraints of z3, and milliseconds: "sat", "unsat" or "unknown"


def asked_of_z3(constraints: Sequence[Any], milliseconds: int) -> str:
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", milliseconds)
    solver.add(*constraints)
    return str(solver.check())


class WithClauses:
    """A program's properties (those of kind `always`) and clauses over its state."""

    def __init__(self, program: Program, scope: Scope, clauses: Sequence[Clause]) -> None:
        self.program, self.clauses = program, clauses
        self._symbolic = Symbolic(program, scope, Z3Terms.wide_enough(program))
        self._vocabulary = Vocabulary(program)
        self._formulas = [f for f in program.formulas if f.kind is Kind.ALWAYS]

    def hold(self, state: Sequence[Term], before: Sequence[Term] | None = None) -> Iterator[tuple[str, Any]]:
        """Each clause and property of states for each choice of indices; with a state before, properties of edges, too."""
        symbolic = self._symbolic
        for clause in self.clauses:
            expr = self._vocabulary.expression(clause)
            for given in indices(self._vocabulary, [v.name for v in self._vocabulary.variables_of(clause)]):
                yield str(clause), symbolic.terms.as_term(value_of(symbolic, state, expr, dict(given)))
        for formula in self._formulas:
            if not formula.of_edges or before is not None:
                edge = before if formula.of_edges else None
                for args in bindings(formula.params):
                    yield formula.name, symbolic.formula(formula.functions[0], args, state, edge)

    def false_at_first(self, start: Sequence[int]) -> list[tuple[str, str]]:
        """What does not hold in the initial state."""
        constants = self._symbolic.constants(start)
        said = ((name, z3.is_true(z3.simplify(holds))) for name, holds in self.hold(constants))
        return list(dict.fromkeys((name, "the initial state") for name, true in said if not true))

    def check(self, start: Sequence[int], ask: Ask = asked_of_z3, milliseconds: int = TIMEOUT_MS) -> JointInduction:
        """As far as the first step that breaks something."""
        broken, open_ = self.false_at_first(start), list[Instance]()
        for instance, premises, goals in () if broken else self.questions():
            if ask([*premises, z3.Or(*(z3.Not(holds) for _, holds in goals))], milliseconds) == "unsat":
                continue
            answers = [(name, ask([*premises, z3.Not(holds)], milliseconds)) for name, holds in goals]
            failed = list(dict.fromkeys(name for name, answer in answers if answer == "sat"))
            if failed:
                return JointInduction([(name, instance.step) for name in failed], open_, len(instances(self.program)))
            if any(answer != "unsat" for _, answer in answers):
                open_.append(instance)
        return JointInduction(broken, open_, len(instances(self.program)))

    def questions(self) -> Iterator[tuple[Instance, list[Any], list[tuple[str, Any]]]]:
        """Of each instance of a step: what is assumed, and what must follow."""
        symbolic = self._symbolic
        state = symbolic.state
        assumed = [symbolic.well_typed(state), *(holds for _, holds in self.hold(state))]
        for instance in instances(self.program):
            step = symbolic.step(instance, state)
            after = list(self.hold(step.successor, state))
            no_fault = z3.Not(step.fault)
            goals = [(FAULT, no_fault), *((name, z3.Implies(no_fault, holds)) for name, holds in after)]
            yield instance, [*assumed, step.enabled], goals
