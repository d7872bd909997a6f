"""A run whose values need not be known, and which goes on for ever: with which of them does it come back to where it was, with p and
without q, and is it fair?

That it is unfair is said by a step that is owed: of its arguments some will do, so they are variables that nobody fixes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checker.language.ir import Formula, Step
from checker.language.layout import bindings
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import literal, scalar
from checker.symbolic.terms import Term, Truth, both, either, negation
from model.lang import Fair

Taken = tuple[str, Sequence[Term]]  # a step, and its arguments
State = list[Term]


class AnyLasso:
    """states: one more than moves. start: the state that the last move leads back to; the last one if it stays there. watch: called
    now and then; may raise."""

    def __init__(
        self, symbolic: Symbolic, moves: Sequence[Taken], states: Sequence[State], start: int, watch: Callable[[], None]
    ) -> None:
        self._symbolic, self._terms, self._watch = symbolic, symbolic.terms, watch
        self._repeated, self._states, self._start = list(moves[start:]), states, start

    def goes_on(self, formula: Formula, args: Sequence[Term]) -> Truth:
        """It ends where its loop begins; p is so, and q is not from there on and in the loop; no step of the loop is FINITE."""
        found, waits = not any(self._fair(name) is Fair.FINITE for name, _ in self._repeated), False
        for now, then in zip(self._states[self._start], self._states[-1], strict=True):
            found = both(found, self._terms.equal(now, then))
        for number, state in enumerate(self._states):
            (p, is_broken), (q, is_too) = (self._says(name, args, state) for name in formula.functions)
            found = both(found, negation(either(is_broken, is_too)))
            waits = both(either(waits, p), negation(q))
            found = both(found, negation(q)) if number >= self._start else found
        return both(found, waits)

    def is_unfair(self) -> Truth:
        """Some owed step, with some arguments, is not taken: true of values with which there are such ones."""
        found: Truth = False
        for step in self._owed():
            args = [self._terms.variable(f"owed {step.name} {p.name}", scalar(p.type)) for p in step.params]
            real: Truth = True
            for param, term in zip(step.params, args, strict=True):
                real = both(real, self._terms.is_code(scalar(param.type), term))
            found = either(found, both(real, self._is_owed(step, args)))
        return found

    def is_fair(self) -> Truth:
        """The same of all arguments one after the other, where there are few: true of values with which no step is owed."""
        found: Truth = True
        for step in self._owed():
            for codes in bindings(step.params):
                args = [literal(scalar(p.type), code) for p, code in zip(step.params, codes, strict=True)]
                found = both(found, negation(self._is_owed(step, args)))
        return found

    def _fair(self, name: str) -> Fair:
        return next(step.fair for step in self._symbolic.program.steps if step.name == name)

    def _owed(self) -> list[Step]:
        return [step for step in self._symbolic.program.steps if step.fair in (Fair.WEAK, Fair.STRONG)]

    def _says(self, function: str, args: Sequence[Term], state: State) -> tuple[Truth, Truth]:
        """And does it leave its range?"""
        said = Execution(self._symbolic, state)
        return said.call(function, args), said.fault

    def _is_owed(self, step: Step, args: Sequence[Term]) -> Truth:
        """It can be taken in all states of the loop, or is STRONG and can in one of them, and is not in the loop. What stores out
        of its range there counts as owed: CPython ends with an error."""
        every, some, broken = True, False, False
        for state in self._states[self._start : -1] or self._states[-1:]:
            self._watch()
            run = self._symbolic.run_with(step.name, args, state)
            every, some = both(every, run.enabled), either(some, run.enabled)
            broken = either(broken, both(run.enabled, run.fault))
        owed = some if step.fair is Fair.STRONG else every
        for given in [given for name, given in self._repeated if name == step.name]:
            same: Truth = True
            for own, other in zip(args, given, strict=True):
                same = both(same, self._terms.equal(own, other))
            owed = both(owed, negation(same))
        return either(broken, owed)
