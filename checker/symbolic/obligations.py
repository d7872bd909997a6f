"""What a step must not break, asked of a SAT solver: one circuit of one step, from any well-typed state, with any arguments.

Of a set of clauses and properties that hold before the step for all indices, each must hold after it for each choice of
indices. Only the indices whose literals the step changes are asked about; the step's own arguments stay unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from checker.errors import InternalError
from checker.language.ir import Formula, Step
from checker.language.layout import bindings
from checker.symbolic.aig import TRUE
from checker.symbolic.aig_terms import literal_of
from checker.symbolic.before import Fact, StateBefore
from checker.symbolic.sat import KIND, Solver
from checker.symbolic.smt_values import literal, scalar
from checker.symbolic.terms import Term, Truth
from checker.symbolic.vocabulary import Clause


@dataclass(frozen=True)
class NoFault:
    """Nothing is stored out of its range."""

    def __str__(self) -> str:
        return "no value leaves its range"


NO_FAULT = NoFault()
Goal: TypeAlias = Clause | str | NoFault  # a clause, the name of a property, or NO_FAULT


@dataclass(frozen=True)
class StepBreaks:
    """A step (codes) after which a goal does not hold, though all that is assumed holds before it."""

    goal: Goal
    state: tuple[int, ...]
    step: str
    args: tuple[int, ...]
    successor: tuple[int, ...] | None  # none of a step that stores out of range


@dataclass(frozen=True)
class StepKeeps:
    """The step does not break it, if these clauses (and all properties) hold before."""

    because: frozenset[Clause]


class Obligations:
    """Of one step, from a state that it shares with other steps. always: clauses that hold before it whatever else is assumed.
    If there are any the step is run along the paths only that are feasible with them: a loop within a loop, over all rows of a table, say,
    calls a function at each of its turns, and few of these calls are ever made."""

    def __init__(self, before: StateBefore, step: Step, solver: str = KIND, always: Collection[Clause] = ()) -> None:
        self.step, self._before = step, before
        self._symbolic, self._formulas = before.symbolic, before.formulas
        self._args = [before.terms.variable(p.name, scalar(p.type)) for p in step.params]
        self._solver = Solver(before.graph, solver)
        self._switches: dict[Clause, int] = {}  # a literal for each clause that may be assumed
        self._goals: dict[Goal, list[list[int]]] = {}
        self._after: dict[Fact, int] = {}
        self._assume(always)
        feasible = self._is_feasible if always else None
        self._run = self._symbolic.run_with(step.name, self._args, self._symbolic.state, feasible)
        self._changed = before.changed_in(self._run.now)
        self._no_fault = literal_of(self._run.fault) ^ 1
        self._solver.add([literal_of(self._run.enabled)])

    def _assume(self, always: Collection[Clause]) -> None:
        """The state is well-typed, properties of states hold in it for all their arguments, and clauses do."""
        for literal_ in self._before.typed:
            self._solver.add([literal_])
        for param, term in zip(self.step.params, self._args, strict=True):
            self._solver.add([literal_of(self._before.terms.is_code(scalar(param.type), term))])
        for formula in self._formulas.values():
            for fact in () if formula.of_edges else self._before.formula(formula):
                self._solver.add([fact.literal])
        for clause in always:  # the solver need not be told each time, nor say which it used
            self._solver.add([self._switch(clause)])

    def _is_feasible(self, condition: Truth) -> bool:
        return self._solver.model([literal_of(condition)]) is not None

    @property
    def formulas(self) -> Collection[str]:
        """The names of the properties that must hold after the step, as those of states are assumed to do before."""
        return self._formulas

    def ask(self, goal: Goal, assumed: Collection[Clause]) -> StepBreaks | StepKeeps:
        """Does the step keep a goal, from states where all of these clauses hold, too?"""
        switches = {self._switch(clause): clause for clause in assumed}
        because = set[Clause]()
        for negated in self._instances(goal):
            model = self._solver.model([*negated, *switches])
            if model is not None:
                return self._break(goal, self._codes(model, self._symbolic.state), self._codes(model, self._args))
            because |= {switches[n] for n in self._solver.core(list(switches))}
        return StepKeeps(frozenset(because))

    def count(self, goal: Goal) -> int:
        """How many choices of indices it is asked for."""
        return len(self._instances(goal))

    def _switch(self, clause: Clause) -> int:
        """While this literal is assumed, the clause holds before the step for all indices."""
        if clause not in self._switches:
            self._switches[clause] = switch = self._before.graph.input()
            for instance in self._before.clause(clause):
                literals = [fact.literal ^ (not positive) for fact, positive in instance]
                if TRUE not in literals:
                    self._solver.add([switch ^ 1, *literals])
        return self._switches[clause]

    def _instances(self, goal: Goal) -> list[list[int]]:
        """For each choice of indices, or of a property's arguments: literals that say together that the goal does not hold
        after the step. None where it says the same of before and after."""
        if goal not in self._goals:
            if isinstance(goal, NoFault):
                self._goals[goal] = [[self._no_fault ^ 1]]
            elif isinstance(goal, Clause):
                self._goals[goal] = list(self._of_clause(goal))
            else:
                self._goals[goal] = list(self._of_formula(self._formulas[goal]))
        return self._goals[goal]

    def _of_clause(self, clause: Clause) -> Iterator[list[int]]:
        for instance in self._before.clause(clause):
            after = [self._of_atom(fact) ^ (not positive) for fact, positive in instance]
            same = all(fact.literal ^ (not yes) == n for (fact, yes), n in zip(instance, after, strict=True))
            if TRUE not in after and not same:
                yield [self._no_fault, *(n ^ 1 for n in after)]

    def _of_atom(self, fact: Fact) -> int:
        """What the atom says after the step."""
        if self._changed.isdisjoint(fact.reads):
            return fact.literal
        if fact not in self._after:
            self._after[fact] = self._before.atom_in(self._run.now, fact.name, fact.given).literal
        return self._after[fact]

    def _of_formula(self, formula: Formula) -> Iterator[list[int]]:
        before, now, state = self._before, self._run.now, self._symbolic.state
        if formula.of_edges:
            all_args = bindings(formula.params)
            after = [before.formula_in(now, formula, args, state).literal for args in all_args]
        else:
            changed = [fact for fact in before.formula(formula) if not self._changed.isdisjoint(fact.reads)]
            pairs = [(before.formula_in(now, formula, fact.given).literal, fact.literal) for fact in changed]
            after = [new for new, old in pairs if new != old]
        yield from ([self._no_fault, holds ^ 1] for holds in after if holds != TRUE)

    def _codes(self, model: Sequence[int], terms: Sequence[Term]) -> tuple[int, ...]:
        return tuple(self._code(model, term) for term in terms)

    def _code(self, model: Sequence[int], term: Term) -> int:
        if isinstance(term, int):
            return int(term)
        bits = self._before.terms.all_bits(term)
        return sum(self._solver.value(model, bit) << i for i, bit in enumerate(bits))

    def _break(self, goal: Goal, state: tuple[int, ...], args: tuple[int, ...]) -> StepBreaks:
        """Derived again from the IR, with constants. Raises InternalError if the solver's answer does not survive that."""
        symbolic = self._symbolic
        values = [literal(scalar(p.type), code) for p, code in zip(self.step.params, args, strict=True)]
        run = symbolic.run_with(self.step.name, values, symbolic.constants(state))
        successor = None if run.fault else symbolic.codes(run.now)
        found = StepBreaks(goal, state, self.step.name, args, successor)
        if run.enabled is not True or isinstance(goal, NoFault) != bool(run.fault) or not self._is_broken(found):
            raise InternalError(f"the solver's counterexample to {goal} is none: {found}")
        return found

    def _is_broken(self, found: StepBreaks) -> bool:
        if found.successor is None or isinstance(found.goal, NoFault):
            return found.successor is None
        if isinstance(found.goal, Clause):
            self._before.concrete.go_to(found.successor)
            return self._before.concrete.breaks(found.goal)
        formula, symbolic = self._formulas[found.goal], self._symbolic
        before = symbolic.constants(found.state) if formula.of_edges else None
        after = symbolic.constants(found.successor)
        return not all(symbolic.formula(formula.functions[0], a, after, before) for a in bindings(formula.params))

    def close(self) -> None:
        self._solver.close()
