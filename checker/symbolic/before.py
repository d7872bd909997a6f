"""Any well-typed state, as one circuit that all steps of a program begin at, and what atoms and properties say of it.

What they say of the state after a step is the same wherever the step changes nothing that they read, so most of it is worked
out once, and not once for each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from checker.language.ir import Formula, Program
from checker.language.layout import bindings
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import literal, scalar
from checker.symbolic.terms import Term, same
from checker.symbolic.views import OneState, indices, run_of
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.lang import Kind, Scope

Given = tuple[int, ...]  # values of the variables of an atom, or of the parameters of a property


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """An atom (its text) or a property (its name) of these indices, before the step: a literal, and the leaves of the state
    that it was made of. There is one of each."""

    name: str
    given: Given
    literal: int
    reads: frozenset[int]


ClauseAt = tuple[tuple[Fact, bool], ...]  # of a clause: what it says of some indices, each atom as it is or negated


class StateBefore:
    """Of a program at one scope."""

    def __init__(self, program: Program, scope: Scope, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.terms = AigTerms(program)
        self.graph = self.terms.graph
        self.symbolic = Symbolic(program, scope, self.terms)
        self.formulas = {f.name: f for f in program.formulas if f.kind is Kind.ALWAYS}
        self.concrete = OneState(Symbolic(program, scope, ArrayTerms()), vocabulary)
        self._atoms: dict[tuple[str, Given], Fact] = {}
        self._of_formulas: dict[str, list[Fact]] = {}
        self._of_clauses: dict[Clause, list[ClauseAt]] = {}

    @cached_property
    def typed(self) -> Sequence[int]:
        """Literals that say together that the state is well-typed."""
        pairs = zip(self.symbolic.layout.leaves, self.symbolic.state, strict=True)
        return [literal_of(self.terms.is_code(leaf.type, term)) for leaf, term in pairs]

    def formula(self, formula: Formula) -> Sequence[Fact]:
        """A property of states, for all its arguments."""
        assert not formula.of_edges
        if formula.name not in self._of_formulas:
            found = (self.formula_in(self.symbolic.state, formula, args) for args in bindings(formula.params))
            self._of_formulas[formula.name] = list(found)
        return self._of_formulas[formula.name]

    def formula_in(
        self, state: Sequence[Term], formula: Formula, args: Given, before: Sequence[Term] | None = None
    ) -> Fact:
        run = Execution(self.symbolic, state, before)
        values = [literal(scalar(p.type), code) for p, code in zip(formula.params, args, strict=True)]
        found = literal_of(run.call(formula.functions[0], values))
        return Fact(formula.name, args, found, frozenset(run.values.reads))

    def clause(self, clause: Clause) -> Sequence[ClauseAt]:
        """For each choice of indices."""
        if clause not in self._of_clauses:
            names = [v.name for v in self.vocabulary.variables_of(clause)]
            parts = [(text, self.vocabulary.atoms[text].uses, positive) for text, positive in clause.literals]
            self._of_clauses[clause] = [
                tuple((self._atom(text, tuple([given[u] for u in uses])), positive) for text, uses, positive in parts)
                for given in indices(self.vocabulary, names)
            ]
        return self._of_clauses[clause]

    def _atom(self, text: str, given: Given) -> Fact:
        found = self._atoms.get((text, given))
        if found is None:
            found = self._atoms[text, given] = self.atom_in(self.symbolic.state, text, given)
        return found

    def atom_in(self, state: Sequence[Term], text: str, given: Given) -> Fact:
        atom = self.vocabulary.atoms[text]
        value, run = run_of(self.symbolic, state, atom.expr, dict(zip(atom.uses, given, strict=True)))
        return Fact(text, given, literal_of(value), frozenset(run.values.reads))

    def changed_in(self, state: Sequence[Term]) -> frozenset[int]:
        """The leaves that are not known to have their value from before."""
        pairs = enumerate(zip(self.symbolic.state, state, strict=True))
        return frozenset(k for k, (old, new) in pairs if not same(old, new))
