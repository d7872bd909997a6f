"""Inductive invariants: which `always` formulas hold in every state of a scope, however long the run.

A formula of states is *inductive* if no step leads from a well-typed state where it holds, for all its
bindings, to one where it does not. If it is inductive and holds in the initial state, it holds in all
reachable states: a proof without exploration. If it is not, the step that breaks it is a counterexample to
induction; it starts in a state that may be unreachable, so it refutes the proof and not the property.

A formula of edges needs no induction: it is checked on the steps of all well-typed states at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from checker.engine.reference import Reference
from checker.errors import InternalError
from checker.language.ir import Formula, Param, Program
from checker.language.layout import Instance, bindings, instances
from checker.language.lower import lower
from checker.symbolic.inductive_with import WithClauses
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_eval import Evaluator
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Term
from checker.symbolic.vocabulary import Vocabulary
from checker.symbolic.z3_terms import Z3Terms, z3
from model.finite import Scalar, decode
from model.lang import Design, Kind, Property, Scope

TIMEOUT_MS = 10_000  # for each step


@dataclass(frozen=True, slots=True)
class CounterexampleToInduction:
    """A step from `state` to `successor` (leaf codes) that the formula does not survive."""

    state: tuple[int, ...]
    instance: Instance
    successor: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InductionResult:
    """One binding (codes) of a formula. `inductive` is None if z3 gave up on a step and no other step is
    a counterexample; `unknown` then says on which. For a formula of edges `holds_initially` is True and
    `inductive` says that no step from any well-typed state violates it. A step that stores out of range
    has no successor: it is reported by whoever explores, not here."""

    formula: Formula
    args: tuple[int, ...]
    holds_initially: bool
    inductive: bool | None
    cti: CounterexampleToInduction | None = None
    unknown: tuple[Instance, ...] = field(default=())

    @property
    def proved(self) -> bool:
        """This binding survives every step. The formula is proved if *all* its bindings are."""
        return self.holds_initially and self.inductive is True


def prove(
    symbolic: Symbolic, formulas: Iterable[Formula], initial: tuple[int, ...], timeout: int = TIMEOUT_MS
) -> Iterator[InductionResult]:
    """Check every binding of the `always` formulas given; others are skipped.

    initial: leaf codes of the initial state. timeout: milliseconds for each question to z3.
    Raises InternalError if a counterexample does not survive its evaluation.
    """
    prover = Prover(symbolic, timeout)
    for formula in formulas:
        if formula.kind is Kind.ALWAYS:
            yield from prover.check(formula, initial)


class Prover:
    """Asks z3 about the steps of one program; their terms are built once, for all formulas."""

    def __init__(self, symbolic: Symbolic, timeout: int = 10_000) -> None:
        self.symbolic = symbolic
        self.timeout = timeout
        self.evaluator = Evaluator(symbolic)
        self._steps = [(i, symbolic.step(i, symbolic.state)) for i in instances(symbolic.program)]
        self._typed = symbolic.well_typed(symbolic.state)

    def check(self, formula: Formula, initial: tuple[int, ...]) -> list[InductionResult]:
        """One result per binding, in the order of `layout.bindings`."""
        args_of_all = list(bindings(formula.params))
        results = [
            InductionResult(formula, args, self._holds_initially(formula, args, initial), True) for args in args_of_all
        ]
        premises = [self._typed]
        if not formula.of_edges:
            (name,) = formula.functions
            premises += [self.symbolic.formula(name, args, self.symbolic.state) for args in args_of_all]
        for instance, transition in self._steps:
            solver = z3.SolverFor("QF_BV")
            solver.set("timeout", self.timeout)
            solver.add(*premises, transition.enabled, z3.Not(transition.fault))
            holds = [self._after(formula, r.args, transition.successor) for r in results]
            if len(holds) > 1 and self._asked(solver, z3.Not(z3.And(*holds)))[0] == z3.unsat:
                continue
            pairs = zip(results, holds, strict=True)
            results = [r if r.cti else self._after_step(solver, r, instance, term) for r, term in pairs]
        return results

    def _holds_initially(self, formula: Formula, args: tuple[int, ...], initial: tuple[int, ...]) -> bool:
        return formula.of_edges or self.evaluator.holds(formula.functions[0], args, initial)

    def _after(self, formula: Formula, args: tuple[int, ...], successor: Sequence[Term]) -> Any:
        before = self.symbolic.state if formula.of_edges else None
        return self.symbolic.formula(formula.functions[0], args, successor, before)

    def _asked(self, solver: Any, question: Any) -> tuple[Any, Any]:
        """z3's answer (sat, unsat, unknown) to one more constraint, and the model if there is one."""
        solver.push()
        solver.add(question)
        answer = solver.check()
        model = solver.model() if answer == z3.sat else None
        solver.pop()
        return answer, model

    def _after_step(self, solver: Any, result: InductionResult, instance: Instance, holds: Any) -> InductionResult:
        """What is known of a binding after one more step was looked at."""
        answer, model = self._asked(solver, z3.Not(holds))
        if model is not None:
            cti = self._counterexample(model, result.formula, result.args, instance)
            return replace(result, inductive=False, cti=cti, unknown=())
        if answer == z3.unsat:
            return result
        return replace(result, inductive=None, unknown=(*result.unknown, instance))

    def _counterexample(
        self, model: Any, formula: Formula, args: tuple[int, ...], instance: Instance
    ) -> CounterexampleToInduction:
        """The state of a model, completed and evaluated anew. Raises InternalError if that disagrees."""
        values = [model.eval(leaf, model_completion=True) for leaf in self.symbolic.state]
        state = tuple(int(z3.is_true(v)) if z3.is_bool(v) else int(v.as_signed_long()) for v in values)
        successor = self.evaluator.step(instance, state).successor
        if successor is None:
            raise InternalError(f"z3's counterexample to {formula.name} starts where {instance.step} is disabled")
        name = formula.functions[0]
        if formula.of_edges:
            premise, violated = True, not self.evaluator.holds(name, args, successor, state)
        else:
            premise = all(self.evaluator.holds(name, a, state) for a in bindings(formula.params))
            violated = not self.evaluator.holds(name, args, successor)
        if not (premise and violated):
            raise InternalError(f"z3's counterexample to {formula.name} is none: {state} -> {successor}")
        return CounterexampleToInduction(state, instance, successor)


def explain(result: InductionResult, symbolic: Symbolic) -> str:
    """The counterexample of a result in the model's terms, one leaf a line; of the state only what the step
    read, what the formula read after it (on an edge: also before it), and what changed."""
    cti = result.cti
    assert cti is not None, "nothing to explain"
    before, after = symbolic.constants(cti.state), symbolic.constants(cti.successor)
    step = symbolic.run_step(cti.instance, before)
    edge = before if result.formula.of_edges else None
    _, formula = symbolic.run_formula(result.formula.functions[0], result.args, after, edge)
    changed = {k for k, pair in enumerate(zip(cti.state, cti.successor, strict=True)) if pair[0] != pair[1]}
    (of_step,) = (s for s in symbolic.program.steps if s.name == cti.instance.step)
    shown = _applied(result.formula.name, result.formula.params, result.args)
    premise = "" if result.formula.of_edges else " that satisfies the formula for all its arguments"
    lines = [
        f"{shown}: this step breaks it.",
        "",
        *(f"  {_leaf(symbolic, k, cti.state)}" for k in sorted(step.values.reads | formula.values.reads | changed)),
        "",
        f"  {_applied(of_step.name, of_step.params, cti.instance.args)} by {of_step.by}",
        "",
        *(f"  {_leaf(symbolic, k, cti.state)} -> {_value(symbolic, k, cti.successor)}" for k in sorted(changed)),
        "",
        f"The state before the step is any well-typed one{premise}: it need not be reachable.",
    ]
    return "\n".join(lines)


def _value(symbolic: Symbolic, leaf: int, state: Sequence[int]) -> str:
    return shown_value(symbolic.layout.leaves[leaf].type, state[leaf])


def _leaf(symbolic: Symbolic, leaf: int, state: Sequence[int]) -> str:
    return f"{symbolic.layout.leaves[leaf]} = {_value(symbolic, leaf, state)}"


def _applied(name: str, params: Sequence[Param], args: Sequence[int]) -> str:
    pairs = zip(params, args, strict=True)
    return f"{name}({', '.join(f'{p.name}={shown_value(scalar(p.type), code)}' for p, code in pairs)})"


def shown_value(of: Scalar, code: int) -> str:
    """A code as the model's author writes the value: {0, 2}, None, LEVEL, True, 3."""
    value = decode(of, code)
    return value.name if isinstance(value, Enum) else repr(value)


def induction_lines(
    system: type[Design], scope: Scope, properties: Sequence[Property], kept: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """What z3 says of each invariant, beside the exploration: one line; where it is not inductive, the step that leaves it.
    kept: by property, clauses with which one is said to be."""
    program = lower(system, scope, [p for p in properties if p.kind is Kind.ALWAYS])
    symbolic = Symbolic(program, scope, Z3Terms.wide_enough(program))
    start = Reference(system, scope).start
    results: dict[str, list[InductionResult]] = {}
    for result in prove(symbolic, program.formulas, start):
        results.setdefault(result.formula.name, []).append(result)
    lines = [] if results else ["  z3: no invariant applies to this cell"]
    for name, of_name in results.items():
        if kept and name in kept and not all(r.proved for r in of_name):
            lines += _lines_with(_alone(system, scope, properties, name), scope, start, name, kept[name])
        else:
            lines += _lines_of(name, of_name, symbolic)
    return lines


def _alone(system: type[Design], scope: Scope, properties: Sequence[Property], name: str) -> Program:
    return lower(system, scope, [p for p in properties if p.name == name])


def _lines_with(program: Program, scope: Scope, start: tuple[int, ...], name: str, kept: Sequence[str]) -> list[str]:
    vocabulary = Vocabulary(program)
    said = WithClauses(program, scope, [vocabulary.parsed(clause) for clause in kept]).check(start)
    if said.inductive:
        return [f"  z3: {name} is inductive with these {len(kept)} clauses:", *(f"      {clause}" for clause in kept)]
    why = "; ".join(f"{after} breaks {what}" for what, after in said.broken) or "no answer for some step"
    return [f"  z3: {name} is not shown to be inductive with the {len(kept)} clauses that are kept for it: {why}"]


def _lines_of(name: str, results: Sequence[InductionResult], symbolic: Symbolic) -> list[str]:
    if not all(r.holds_initially for r in results):
        return [f"  z3: {name} does not hold in the initial state"]
    if all(r.inductive for r in results):
        return [f"  z3: {name} is inductive: no step leaves it, from any state, reachable or not"]
    broken = next((r for r in results if r.cti is not None), None)
    if broken is None:
        open_ = sum(len(r.unknown) for r in results)
        return [f"  z3: {name}: INCONCLUSIVE: no answer within {TIMEOUT_MS // 1000} s for some step ({open_} in all)"]
    told = explain(broken, symbolic).splitlines()
    return [
        f"  z3: {name} is not inductive by itself (the exploration decides whether it holds):",
        *(f"      {x}" for x in told),
    ]
