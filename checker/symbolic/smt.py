"""Symbolic runs of the IR: a step as three kinds of terms over the leaves of the state.

Structured control flow is flattened while it runs. A statement runs under its *live* condition: the tests
around it hold and no `return`, `break` or `continue` left the path before. A store is a conditional update,
so paths merge without further work; calls are inlined and loops unrolled. A `Require` that fails and a
checked store out of range *stop* the run, as Disabled and RangeError do in CPython.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, assert_never

from checker.language import ir
from checker.language.ir import Param, Program
from checker.language.layout import Instance, Layout
from checker.symbolic.smt_values import Frame, Meaning, Values, literal, scalar
from checker.symbolic.terms import Term, Terms, Truth, both, either, negation
from model.finite import MaskType, OptionalType, Scalar, encode
from model.lang import Scope

Feasible: TypeAlias = Callable[[Truth], bool]


class Execution:
    """One run of functions over a symbolic (or constant) state; `now` is the state as it changes. feasible: asked of a condition,
    seen from the start of the step, under which a function would be called; where it says no the call is left out. Without
    it nothing is known of the state, and none is."""

    def __init__(
        self,
        symbolic: Symbolic,
        now: Sequence[Term],
        before: Sequence[Term] | None = None,
        feasible: Feasible | None = None,
    ) -> None:
        self.now = list(now)
        self._feasible = feasible
        self.values = Values(symbolic.terms, symbolic.program.state, symbolic.choices, self.now, before, self)
        self._terms, self._functions = symbolic.terms, symbolic.program.functions
        self.stopped: Truth = False
        self.enabled: Truth = True
        self.fault: Truth = False

    def call(self, name: str, args: Sequence[Meaning], entry: Truth = True) -> Term:
        function = self._functions[name]
        frame = Frame(entry, self._terms)
        for param, value in zip(function.params, args, strict=True):
            frame.set(param.name, value)
        self._block(frame, function.body)
        if frame.result is None and function.returns is not None:
            return literal(function.returns, 0)  # only where the call is never reached
        return frame.result

    def live(self, frame: Frame) -> Truth:
        return frame.live_unless(self.stopped)

    def _block(self, frame: Frame, statements: Sequence[ir.Stmt]) -> None:
        for statement in statements:
            if self.live(frame) is False:
                return
            self._statement(frame, statement)

    def _statement(self, frame: Frame, statement: ir.Stmt) -> None:
        match statement:
            case ir.Assign(name=name, value=value, type=of, check=check):
                frame.set(name, self._stored(frame, value, of, check))
            case ir.Bind(name=name, place=place):
                frame.set(name, self.values.place(frame, place))
            case ir.Store():
                self._store(frame, statement)
            case ir.If(test=test, then=then, other=other):
                holds = self.values.value(frame, test)
                for branch, condition in ((then, holds), (other, negation(holds))):
                    with frame.block(condition):
                        self._block(frame, branch)
            case ir.For():
                self._for(frame, statement)
            case ir.Continue():
                frame.continued = either(frame.continued, frame.live())
            case ir.Break():
                frame.broke = either(frame.broke, frame.live())
            case ir.Return(value=value):
                self._return(frame, value)
            case ir.Do(function=function, args=args):
                live = self.live(frame)
                if self._feasible is None or isinstance(live, bool) or self._feasible(live):
                    self.call(function, self.values.arguments(frame, args), live)
            case ir.Require(test=test):
                self._require(frame, self.values.value(frame, test))
            case _:
                assert_never(statement)

    def _require(self, frame: Frame, test: Truth) -> None:
        refused = both(self.live(frame), negation(test))
        self.enabled = both(self.enabled, negation(refused))
        self.stopped = either(self.stopped, refused)

    def _return(self, frame: Frame, value: ir.Expr | None) -> None:
        if value is not None:
            term = self.values.value(frame, value)
            first = frame.result is None
            frame.result = term if first else self._terms.choose(frame.live(), term, frame.result)
        frame.returned = either(frame.returned, frame.live())

    def _for(self, frame: Frame, loop: ir.For) -> None:
        with frame.loop():
            for index in range(loop.over.lo, loop.over.hi + 1):
                with frame.block(True):
                    frame.set(loop.var, index)
                    self._block(frame, loop.body)
                frame.continued = False

    def _store(self, frame: Frame, store: ir.Store) -> None:
        target = self.values.place(frame, store.place)
        term = self._stored(frame, store.value, scalar(store.place.type), store.check)
        live = self.live(frame)
        for at in target:
            assert not at.before, "a store into the state before the step"
            self.now[at.leaf] = self._terms.choose(both(live, at.condition), term, self.now[at.leaf])

    def _stored(self, frame: Frame, value: ir.Expr, of: Scalar, check: bool) -> Term:
        """The value for a store; a value that is not a code of `of` is a fault and stops the run."""
        term = self.values.value(frame, value)
        if check:
            bad = both(self.live(frame), negation(self._fits(frame, value, of)))
            self.fault = either(self.fault, bad)
            self.stopped = either(self.stopped, bad)
        return term

    def _fits(self, frame: Frame, value: ir.Expr, of: Scalar) -> Truth:
        """The value is one of the type's. Asked of the parts where the code of the whole no longer tells:
        wrapping -1 gives None's code, and a bit beyond the mask is shifted away."""
        match value:
            case ir.Wrap(operand=operand) if isinstance(of, OptionalType):
                return self._fits(frame, operand, of.of)
            case ir.IfElse(test=test, then=then, other=other):
                fits = self._fits(frame, then, of), self._fits(frame, other, of)
                return self._terms.choose(self.values.value(frame, test), *fits)
            case ir.MaskEdit(op="with", mask=mask, element=element) if isinstance(of, MaskType):
                inside = self._terms.within(self.values.value(frame, element), 0, of.of.hi)
                return both(inside, self._fits(frame, mask, of))
            case _:
                return self._terms.is_code(of, self.values.value(frame, value))


@dataclass(frozen=True, slots=True)
class Transition:
    """One step instance from one state, as terms (constants, too).

    enabled: no Require failed. fault: a store out of range was reached (implies enabled). successor: the
    leaves after the step, in layout order; it means something only where enabled and not fault.
    """

    enabled: Truth
    fault: Truth
    successor: list[Term]


class Symbolic:
    """A program at a scope, over the terms of some back-end. `state`: one variable per leaf in layout order, named by the
    leaf's path ("apic[0].irr"); a truth for bools, otherwise bits that hold the code."""

    def __init__(self, program: Program, scope: Scope, terms: Terms) -> None:
        values = scope.choices()
        self.program = program
        self.layout = Layout(program)
        self.terms = terms
        self.choices = {n: literal(of, encode(of, values[n])) for n, of in program.choices.items()}
        self._steps = {step.name: step for step in program.steps}

    @cached_property
    def state(self) -> list[Term]:
        return self.variables("")

    def variables(self, prefix: str) -> list[Term]:
        """Fresh variables for a state, their names starting with `prefix`."""
        return [self.terms.variable(f"{prefix}{leaf}", leaf.type) for leaf in self.layout.leaves]

    def constants(self, codes: Sequence[int]) -> list[Term]:
        """A concrete state as constant terms."""
        return [literal(leaf.type, code) for leaf, code in zip(self.layout.leaves, codes, strict=True)]

    def codes(self, state: Sequence[Term]) -> tuple[int, ...]:
        """The inverse of `constants`."""
        return tuple(map(int, state))

    def well_typed(self, state: Sequence[Term]) -> Truth:
        """A truth: every leaf holds a code of its type."""
        result: Truth = True
        for leaf, term in zip(self.layout.leaves, state, strict=True):
            result = both(result, self.terms.is_code(leaf.type, term))
        return self.terms.as_term(result)

    def run_step(self, instance: Instance, state: Sequence[Term]) -> Execution:
        """The run of a step, before its results are made terms."""
        return self.run_with(instance.step, self._arguments(self._steps[instance.step].params, instance.args), state)

    def run_with(
        self, step: str, args: Sequence[Term], state: Sequence[Term], feasible: Feasible | None = None
    ) -> Execution:
        """The run of a step with arguments that need not be constant."""
        run = Execution(self, state, feasible=feasible)
        run.call(step, args)
        return run

    def step(self, instance: Instance, state: Sequence[Term]) -> Transition:
        run = self.run_step(instance, state)
        as_term = self.terms.as_term
        return Transition(as_term(run.enabled), as_term(run.fault), [as_term(leaf) for leaf in run.now])

    def run_formula(
        self, name: str, args: Sequence[int], state: Sequence[Term], before: Sequence[Term] | None = None
    ) -> tuple[Truth, Execution]:
        """The run of a function of a property (args: codes), and its result."""
        run = Execution(self, state, before)
        result = run.call(name, self._arguments(self.program.functions[name].params, args))
        return result, run

    def formula(
        self, name: str, args: Sequence[int], state: Sequence[Term], before: Sequence[Term] | None = None
    ) -> Truth:
        """A truth: the function holds in `state` (`before`: in the state before the step, for edges)."""
        return self.terms.as_term(self.run_formula(name, args, state, before)[0])

    def _arguments(self, params: Sequence[Param], args: Sequence[int]) -> list[Term]:
        return [literal(scalar(p.type), code) for p, code in zip(params, args, strict=True)]
