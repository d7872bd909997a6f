"""What a step must not break, asked of a SAT solver: one circuit of one step, from any well-typed state, with any arguments.

Of a set of clauses and properties that hold before the step, each must hold after it. The solver is given their instances
only as its answers show that they are needed: whatever it refutes without the others, it refutes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from checker.errors import InternalError
from checker.language.ir import Formula, Program, Step
from checker.language.layout import bindings
from checker.symbolic.aig import FALSE
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.sat import LEARNING, Solver
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import literal, scalar
from checker.symbolic.terms import Term
from checker.symbolic.views import OneState, value_of
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import IntType
from model.lang import Kind, Scope

FAULT = "a value out of its range"
MOST_INSTANCES = 40  # of a clause that are given to the solver at a time

Goal = Clause | str  # a clause, the name of a property, or FAULT


@dataclass(frozen=True)
class Break:
    """A step (codes) after which a goal does not hold, though all that is assumed holds before it."""

    goal: Goal
    state: tuple[int, ...]
    step: str
    args: tuple[int, ...]
    successor: tuple[int, ...] | None  # none of a step that stores out of range


class Unbroken(set[Clause]):
    """No step breaks it, if these clauses (and all properties) hold before."""


class Obligations:
    """Of one step of a program at one scope."""

    def __init__(self, program: Program, scope: Scope, vocabulary: Vocabulary, step: Step, solver: str = LEARNING) -> None:
        self.step, self.scope, self._program, self._vocabulary = step, scope, program, vocabulary
        self._terms = terms = AigTerms(program)
        self._symbolic = symbolic = Symbolic(program, scope, terms)
        self._formulas = {f.name: f for f in program.formulas if f.kind is Kind.ALWAYS}
        self._args = self._unknown("argument", {p.name: scalar(p.type) for p in step.params})
        self._run = symbolic.run_with(step.name, list(self._args.values()), symbolic.state)
        self._solver = Solver(terms.graph, solver)
        self._switches: dict[Clause, int] = {}
        self._given = set[tuple[Clause, tuple[int, ...]]]()
        self._broken: dict[Goal, int] = {}
        self._literals: dict[tuple[str, tuple[int, ...]], int] = {}
        self._state = OneState(Symbolic(program, scope, ArrayTerms()), vocabulary)
        self._indices = self._unknown("index", {v.name: v.sort for v in vocabulary.variables.values()})
        self._assume()

    def _unknown(self, prefix: str, types: Mapping[str, IntType]) -> dict[str, Term]:
        return {name: self._terms.variable(f"{prefix} {name}", of) for name, of in types.items()}

    def _assume(self) -> None:
        """The state is well-typed, properties of states hold in it for all their arguments, and the step can be taken."""
        symbolic, solver = self._symbolic, self._solver
        for leaf, term in zip(symbolic.layout.leaves, symbolic.state, strict=True):
            self._holds(self._terms.is_code(leaf.type, term))
        for param, term in zip(self.step.params, self._args.values(), strict=True):
            self._holds(self._terms.is_code(scalar(param.type), term))
        for name, term in self._indices.items():
            self._holds(self._terms.is_code(self._vocabulary.variables[name].sort, term))
        for formula in self._formulas.values():
            if not formula.of_edges:
                for args in bindings(formula.params):
                    self._holds(symbolic.formula(formula.functions[0], args, symbolic.state))
        self._holds(self._run.enabled)
        del solver

    def _holds(self, truth: Term) -> None:
        self._solver.add([literal_of(truth)])

    @property
    def formulas(self) -> Collection[str]:
        return self._formulas

    def ask(self, goal: Goal, assumed: Collection[Clause]) -> Break | Unbroken:
        """Does the step keep a goal, from states where all of these clauses hold, too?"""
        target = self._negated(goal)
        if target == FALSE:
            return Unbroken()
        switches = {self._switch(clause): clause for clause in assumed}
        while True:
            model = self._solver.model([target, *switches])
            if model is None:
                return Unbroken(switches[n] for n in self._solver.core() if n in switches)
            state = tuple(self._code(model, term) for term in self._symbolic.state)
            if not self._give(state, assumed):
                return self._break(goal, state, tuple(self._code(model, term) for term in self._args.values()))

    def _give(self, state: tuple[int, ...], assumed: Collection[Clause]) -> bool:
        """Tell the solver some instances of clauses that are false in a state. False if there are none."""
        self._state.go_to(state)
        found = False
        for clause in assumed:
            for given in self._state.broken(clause)[:MOST_INSTANCES]:
                key = clause, tuple(given.values())
                if key in self._given:
                    raise InternalError(f"the solver was told that {clause} holds for {given}")
                self._given.add(key)
                literals = [self._literal(text, given) ^ (not positive) for text, positive in clause.literals]
                self._solver.add([self._switch(clause) ^ 1, *literals])
                found = True
        return found

    def _literal(self, text: str, given: Mapping[str, int]) -> int:
        atom = self._vocabulary.atoms[text]
        mine = {name: given[name] for name in atom.uses}
        key = text, tuple(mine.values())
        if key not in self._literals:
            self._literals[key] = literal_of(value_of(self._symbolic, self._symbolic.state, atom.expr, mine))
        return self._literals[key]

    def _switch(self, clause: Clause) -> int:
        """A literal that turns a clause on. It is on for the indices of which the goal speaks at once."""
        if clause not in self._switches:
            self._switches[clause] = switch = self._terms.graph.input()
            holds = self._of_clause(clause, self._symbolic.state)
            self._solver.add([switch ^ 1, holds])
        return self._switches[clause]

    def _of_clause(self, clause: Clause, state: Sequence[Term]) -> int:
        """It holds for the unknown indices."""
        expr = self._vocabulary.expression(clause)
        given = {v.name: self._indices[v.name] for v in self._vocabulary.variables_of(clause)}
        return literal_of(value_of(self._symbolic, state, expr, given))

    def _negated(self, goal: Goal) -> int:
        """A literal that says that the goal does not hold after the step; false if it cannot tell before from after."""
        if goal not in self._broken:
            self._broken[goal] = self._make(goal)
        return self._broken[goal]

    def _make(self, goal: Goal) -> int:
        if goal == FAULT:
            return literal_of(self._run.fault)
        if isinstance(goal, Clause):
            before, after = (self._of_clause(goal, state) for state in (self._symbolic.state, self._run.now))
            return FALSE if before == after else self._and_no_fault(after ^ 1)
        formula = self._formulas[goal]
        args = self._unknown(f"argument of {goal}", {p.name: scalar(p.type) for p in formula.params})
        for param, term in zip(formula.params, args.values(), strict=True):
            self._holds(self._terms.is_code(scalar(param.type), term))
        holds = self._formula(formula, list(args.values()), self._run.now, self._symbolic.state)
        if not formula.of_edges and holds == self._formula(formula, list(args.values()), self._symbolic.state, None):
            return FALSE
        return self._and_no_fault(holds ^ 1)

    def _formula(self, formula: Formula, args: list[Term], state: Sequence[Term], before: Sequence[Term] | None) -> int:
        run = Execution(self._symbolic, state, before if formula.of_edges else None)
        return literal_of(run.call(formula.functions[0], args))

    def _and_no_fault(self, literal_: int) -> int:
        return self._terms.graph.conjunction(literal_, literal_of(self._run.fault) ^ 1)

    def _code(self, model: Sequence[int], term: Term) -> int:
        if isinstance(term, int):
            return int(term)
        bits = self._terms.literals(term, 64)
        return sum(self._solver.value(model, bit) << i for i, bit in enumerate(bits))

    def _break(self, goal: Goal, state: tuple[int, ...], args: tuple[int, ...]) -> Break:
        """Derived again from the IR, with constants. Raises InternalError if the solver's answer does not survive that."""
        symbolic = self._symbolic
        values = [literal(scalar(p.type), code) for p, code in zip(self.step.params, args, strict=True)]
        run = symbolic.run_with(self.step.name, values, symbolic.constants(state))
        successor = None if run.fault else symbolic.codes(run.now)
        found = Break(goal, state, self.step.name, args, successor)
        if run.enabled is not True or (goal == FAULT) != bool(run.fault) or not self._is_broken(found):
            raise InternalError(f"the solver's counterexample to {goal} is none: {found}")
        return found

    def _is_broken(self, found: Break) -> bool:
        if found.successor is None:
            return True
        if isinstance(found.goal, Clause):
            self._state.go_to(found.successor)
            return bool(self._state.broken(found.goal))
        formula, symbolic = self._formulas[found.goal], self._symbolic
        before = symbolic.constants(found.state) if formula.of_edges else None
        after = symbolic.constants(found.successor)
        said = [symbolic.formula(formula.functions[0], args, after, before) for args in bindings(formula.params)]
        return not all(said)

    def close(self) -> None:
        self._solver.close()
