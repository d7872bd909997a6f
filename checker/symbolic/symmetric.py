"""Does a program notice that an index is numbered another way? Asked of a SAT solver, of all states and arguments at once.

A step commutes with a renaming if, taken in a renamed state with renamed arguments, it does what it does in the state itself,
renamed: it can be taken in both or in neither, and stores out of range in both or in neither. A formula is kept if it says of a
renamed state, with renamed arguments, what it says of the state.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.language.ir import Formula, Param, Program, Step
from checker.language.renaming import Renaming
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.sat import Solver
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Bits, Term, Terms, Truth, both, either, negation
from model.finite import MaskType, OptionalType, Scalar
from model.lang import Scope


def renamed(terms: Terms, renaming: Renaming, of: Scalar, value: Term) -> Term:
    """What becomes of a value that need not be known."""
    if not renaming.touches(of):
        return value
    if isinstance(of, MaskType):
        to = renaming.of(of.of)
        assert to is not None
        found: Bits = 0
        for i, j in enumerate(to):
            found = terms.union(found, terms.choose(terms.contains(value, i), 1 << j, 0))
        return found
    first = 1 if isinstance(of, OptionalType) else 0
    to = renaming.of(of.of if isinstance(of, OptionalType) else of)
    assert to is not None
    found = value
    for i, j in enumerate(to):
        if i != j:
            found = terms.choose(terms.equal(value, first + i), first + j, found)
    return found


class Renamed:
    """A program beside itself with its rows renamed, whatever the choices of its scope. One circuit, asked of one after the
    other."""

    def __init__(self, program: Program, scope: Scope, renaming: Renaming) -> None:
        self.program, self.renaming = program, renaming
        self.terms = terms = AigTerms(program)
        self._symbolic = Symbolic(program, scope, terms)
        self._leaves = self._symbolic.layout.leaves
        self._sources = list(renaming.sources(program.state))
        self._solver = Solver(terms.graph)
        for name, of in program.choices.items():
            self._symbolic.choices[name] = self._any(name, of)
        self._state = self._any_state("")
        self._renamed = self._rename(self._state)

    def step_notices(self, step: Step) -> bool:
        """Is there a state and are there arguments with which it does something else, renamed?"""
        args = self._any_arguments(step.params)
        one = self._symbolic.run_with(step.name, args, self._state)
        other = self._symbolic.run_with(step.name, self._rename_arguments(step.params, args), self._renamed)
        changed: Truth = False
        for was, now in zip(self._rename(one.now), other.now, strict=True):
            changed = either(changed, self._unlike(was, now))
        outcomes = [(run.enabled, both(run.enabled, run.fault)) for run in (one, other)]
        unlike = either(*(self._unlike(a, b) for a, b in zip(*outcomes, strict=True)))
        return self._may_be(either(unlike, both(both(one.enabled, negation(one.fault)), changed)))

    def formula_notices(self, formula: Formula) -> bool:
        """Is there a state (of a formula of steps: are there two) and are there arguments of which it says something else,
        renamed?"""
        args = self._any_arguments(formula.params)
        before = self._any_state("before ") if formula.of_edges else None
        renamed_before = None if before is None else self._rename(before)
        others = self._rename_arguments(formula.params, args)
        unlike: Truth = False
        for name in formula.functions:
            one = Execution(self._symbolic, self._state, before).call(name, args)
            other = Execution(self._symbolic, self._renamed, renamed_before).call(name, others)
            unlike = either(unlike, self._unlike(one, other))
        return self._may_be(unlike)

    def close(self) -> None:
        self._solver.close()

    def _may_be(self, truth: Truth) -> bool:
        if isinstance(truth, bool):
            return truth
        return self._solver.model([literal_of(truth)]) is not None

    def _any_state(self, prefix: str) -> list[Term]:
        return [self._any(f"{prefix}{leaf}", leaf.type) for leaf in self._leaves]

    def _any(self, name: str, of: Scalar) -> Term:
        """Any code of a type."""
        found = self.terms.variable(name, of)
        self._solver.add([literal_of(self.terms.is_code(of, found))])
        return found

    def _any_arguments(self, params: Sequence[Param]) -> list[Term]:
        return [self._any(p.name, scalar(p.type)) for p in params]

    def _rename(self, state: Sequence[Term]) -> list[Term]:
        return [
            renamed(self.terms, self.renaming, leaf.type, state[source])
            for leaf, source in zip(self._leaves, self._sources, strict=True)
        ]

    def _rename_arguments(self, params: Sequence[Param], args: Sequence[Term]) -> list[Term]:
        return [renamed(self.terms, self.renaming, scalar(p.type), a) for p, a in zip(params, args, strict=True)]

    def _unlike(self, left: Term, right: Term) -> Truth:
        return negation(self.terms.equal(self.terms.as_bits(left), self.terms.as_bits(right)))
