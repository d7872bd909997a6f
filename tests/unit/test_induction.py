"""induction.py and smt.py against CPython: every state of a toy, reachable or not, with every step."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from checker.engine.reference import Reference
from checker.errors import InternalError
from checker.language import ir
from checker.language.ir import BOOL, Formula, Param, Program
from checker.language.layout import Instance, bindings, instances
from checker.language.lower import lower
from checker.symbolic.induction import (
    CounterexampleToInduction,
    InductionResult,
    Prover,
    explain,
    induction_lines,
    prove,
)
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_eval import Evaluator
from checker.symbolic.z3_terms import Z3Terms, z3
from model.finite import RangeError, decode, size
from model.lang import Kind, Property
from tests.rigs import ir_building as b
from tests.rigs.mail_toy import PROPERTIES, Mail, MailScope

Codes = tuple[int, ...]
SCOPES = [MailScope(), MailScope(forward=True), MailScope(people=1, letters=3)]


def all_states(symbolic: Symbolic) -> Iterator[Codes]:
    return itertools.product(*(range(size(leaf.type)) for leaf in symbolic.layout.leaves))


def toy(scope: MailScope = SCOPES[0]) -> tuple[Symbolic, Reference]:
    program = lower(Mail, scope, PROPERTIES)
    return Symbolic(program, scope, Z3Terms.wide_enough(program)), Reference(Mail, scope)


def in_cpython(reference: Reference, state: Codes, label: int) -> Codes | str | None:
    try:
        return reference.successor(state, reference.moves[label])
    except RangeError:
        return "fault"


def in_z3(evaluator: Evaluator, state: Codes, instance: Instance) -> Codes | str | None:
    outcome = evaluator.step(instance, state)
    return "fault" if outcome.fault else outcome.successor


def mismatches(scope: MailScope) -> Iterator[str]:
    symbolic, reference = toy(scope)
    evaluator = Evaluator(symbolic)
    for state in all_states(symbolic):
        for instance in instances(symbolic.program):
            meant, got = in_cpython(reference, state, instance.label), in_z3(evaluator, state, instance)
            if meant != got:
                yield f"{instance} from {state}: {got}, in CPython {meant}"


@pytest.mark.everything
@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_every_step_from_every_state_as_in_cpython(scope: MailScope) -> None:
    assert next(mismatches(scope), None) is None


def test_the_toy_is_enabled_disabled_and_faulty() -> None:
    symbolic, reference = toy()
    answers = {
        (i.step, type(in_cpython(reference, s, i.label)))
        for s in all_states(symbolic)
        for i in instances(symbolic.program)
    }
    both = {(name, of) for name in ("send", "take", "aim", "swap") for of in (tuple, type(None))}
    assert answers == both | {("take", str), ("aim", str)}


def decoded(formula: Formula, args: Codes) -> list[Any]:
    return [decode(p.type, code) for p, code in zip(formula.params, args, strict=True)]  # type: ignore[arg-type]


def named(name: str) -> Property:
    return next(p for p in PROPERTIES if p.name == name)


@pytest.mark.everything
def test_every_formula_in_every_state_as_in_cpython() -> None:
    symbolic, reference = toy()
    evaluator = Evaluator(symbolic)
    for formula in symbolic.program.formulas:
        function = named(formula.name).function
        for args in bindings(formula.params):
            values = decoded(formula, args)
            for state in itertools.islice(all_states(symbolic), 0, None, 5):
                if formula.of_edges:
                    after = (
                        state[2],
                        state[3],
                        state[0],
                        state[1],
                        *state[4:],
                    )  # another state: boxes swapped
                    meant = (reference.holds_on_edge(function, values, state, after),)
                    got = tuple(evaluator.holds(f, args, after, state) for f in formula.functions)
                else:
                    said = reference.holds(function, values, state)
                    meant = said if isinstance(said, tuple) else (said,)
                    got = tuple(evaluator.holds(f, args, state) for f in formula.functions)
                assert got == meant, (formula.name, args, state)


def brute_force(symbolic: Symbolic, reference: Reference, formula: Formula) -> dict[Codes, bool]:
    """Which bindings no step breaks, by trying all of them in CPython."""
    function = named(formula.name).function
    values = {args: decoded(formula, args) for args in bindings(formula.params)}
    survives = dict.fromkeys(values, True)
    for state in all_states(symbolic):
        if not any(survives.values()):
            break
        if not formula.of_edges and not all(reference.holds(function, v, state) for v in values.values()):
            continue
        for label in range(len(reference.moves)):
            after = in_cpython(reference, state, label)
            if not isinstance(after, tuple):
                continue
            for args, v in values.items():
                if formula.of_edges:
                    survives[args] &= reference.holds_on_edge(function, v, state, after)
                else:
                    survives[args] &= bool(reference.holds(function, v, after))
    return survives


@pytest.mark.parametrize("name", [p.name for p in PROPERTIES if p.kind == "always"])
def test_induction_agrees_with_trying_everything(name: str) -> None:
    symbolic, reference = toy()
    formula = next(f for f in symbolic.program.formulas if f.name == name)
    results = list(prove(symbolic, [formula], reference.start))
    assert {r.args: r.inductive for r in results} == brute_force(symbolic, reference, formula)
    function = named(name).function
    for r in results:
        if not formula.of_edges:
            assert r.holds_initially == reference.holds(function, decoded(formula, r.args), reference.start)
        assert (r.cti is None) == (r.inductive is True)
        if r.cti is not None:
            assert in_cpython(reference, r.cti.state, r.cti.instance.label) == r.cti.successor


def test_only_always_is_for_induction() -> None:
    symbolic, reference = toy()
    results = prove(symbolic, symbolic.program.formulas, reference.start)
    assert {r.formula.name for r in results} == {p.name for p in PROPERTIES if p.kind == "always"}
    assert "a_letter_is_read" in {p.name for p in PROPERTIES}


# --- programs that are inductive for one reason only ---

K = (Param("k", b.INDEX),)
K_IS, OTHER = b.local("k", b.INDEX), b.if_else(b.compare(b.local("k", b.INDEX), "==", b.const(0)), b.const(1),
                                              b.const(0), b.INDEX)  # fmt: skip


def formula_program(
    body: tuple[ir.Stmt, ...], holds: ir.Expr, *, params: tuple[Param, ...] = (), edges: bool = False
) -> Program:
    helper = b.function("holds", (b.returns(holds),), params, BOOL)
    formula = Formula("holds", Kind.ALWAYS, ("holds",), params, edges, b.LOC)
    return b.program(body, K, (helper,), (formula,))


def level(state: ir.Place, k: ir.Expr) -> ir.Expr:
    return b.load(b.field(b.row(k, state), "n"))


NO_COLOUR: list[ir.Expr] = [b.compare(b.load(b.e), "!=", b.const(code, b.COLOUR)) for code in range(3)]


def both(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    return b.logic(left, "and", right)


PROGRAMS = {
    "needs all bindings": formula_program(
        (b.store(b.field(b.row(K_IS), "n"), level(b.STATE, OTHER)),),
        b.compare(level(b.STATE, K_IS), "<=", b.const(1)),
        params=K,
    ),
    "needs steps to stop at a fault": formula_program(
        (b.store(b.n0, b.add(b.load(b.n0), 1), check=True),),
        b.compare(b.load(b.n0), "<=", b.const(2)),
    ),
    "needs the guard": formula_program(
        (b.require(b.compare(b.load(b.n0), "==", b.const(0))), b.store(b.n0, b.const(1))),
        b.compare(level(b.BEFORE, b.const(0)), "<=", level(b.STATE, b.const(0))),
        edges=True,
    ),
    "needs well-typed states": formula_program(
        (b.when(functools.reduce(both, NO_COLOUR), b.store(b.f, b.const(1, BOOL))),),
        b.negate(b.load(b.f)),
    ),
}  # fmt: skip


def inductive(name: str) -> bool:
    symbolic = Symbolic(PROGRAMS[name], b.CaseScope(), Z3Terms.wide_enough(PROGRAMS[name]))
    results = list(prove(symbolic, symbolic.program.formulas, (0,) * 7))
    return all(r.proved for r in results)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_inductive(name: str) -> None:
    assert inductive(name)


def no_premise(self: Symbolic, name: str, args: Codes, state: Any, before: Any = None) -> Any:
    if state is self.state and before is None:
        return z3.BoolVal(True)
    return self.terms.as_term(self.run_formula(name, args, state, before)[0])


def no_fault(*_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "where", "bug"),
    [
        ("needs all bindings", "checker.symbolic.smt.Symbolic.formula", no_premise),
        ("needs steps to stop at a fault", "checker.symbolic.smt.Execution._fits", no_fault),
        ("needs the guard", "checker.symbolic.smt.Execution._require", lambda *_: None),
        ("needs well-typed states", "checker.symbolic.smt.Symbolic.well_typed", lambda *_: z3.BoolVal(True)),
    ],
)
def test_a_bug_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, where: str, bug: Any) -> None:
    monkeypatch.setattr(where, bug)
    with contextlib.suppress(InternalError):  # a counterexample did not survive its evaluation: noticed as well
        assert not inductive(name)


# --- what the user sees ---


def test_a_counterexample_in_words() -> None:
    symbolic, _ = toy()
    formula = next(f for f in symbolic.program.formulas if f.name == "top_is_a_letter_of_the_box")
    before, after = (2, 2, 3, 1, 2, 1, 1), (1, 2, 3, 2, 2, 1, 1)
    swap = next(i for i in instances(symbolic.program) if i.step == "swap" and i.args == (0,))
    cti = CounterexampleToInduction(before, swap, after)
    assert explain(InductionResult(formula, (0,), True, False, cti), symbolic) == EXPLAINED


EXPLAINED = """\
top_is_a_letter_of_the_box(who=0): this step breaks it.

  box[0].slot = {1}
  box[0].top = 1
  box[1].slot = {0, 1}
  box[1].top = 0
  to = 1

  swap(who=0) by clerk

  box[0].slot = {1} -> {0}
  box[1].top = 0 -> 1

The state before the step is any well-typed one that satisfies the formula for all its arguments: it need not be \
reachable."""


def test_a_timeout_is_neither_yes_nor_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prover, "_asked", lambda *_: (z3.unknown, None))
    symbolic, reference = toy()
    formula = next(f for f in symbolic.program.formulas if f.name == "few_hops")
    (result,) = prove(symbolic, [formula], reference.start)
    assert result.inductive is None and result.cti is None and not result.proved
    assert list(result.unknown) == instances(symbolic.program)


@pytest.mark.parametrize("name", ["few_hops", "nobody_is_cross_about_nothing"])  # of one binding, and of several
def test_a_timeout_is_told_as_no_answer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever z3 leaves open: all of it, or a single step of a single binding."""
    asked, count = Prover._asked, itertools.count()
    told = functools.partial(induction_lines, Mail, SCOPES[0], [named(name)])
    honest = told()
    asked_of = [lowered for lowered in toy()[0].program.formulas if lowered.name == name]
    every = sum(len(list(bindings(f.params))) for f in asked_of) * len(instances(toy()[0].program))
    no_answer = f"  z3: {name}: INCONCLUSIVE: no answer within 10 s for some step ({{}} in all)"
    with monkeypatch.context() as patched:
        patched.setattr(Prover, "_asked", lambda *_: (z3.unknown, None))
        assert told() == [no_answer.format(every)]

    def at_first(self: Prover, solver: Any, question: Any) -> tuple[Any, Any]:
        return (z3.unknown, None) if next(count) < 2 else asked(self, solver, question)

    monkeypatch.setattr(Prover, "_asked", at_first)
    said = [no_answer.format(1)] if "is inductive" in honest[0] else honest
    assert told()[0] == said[0]  # which counterexample z3 finds differs from run to run


def test_a_counterexample_outweighs_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = Prover._asked, itertools.count()

    def timeout_at_first(self: Prover, solver: Any, question: Any) -> tuple[Any, Any]:
        return (z3.unknown, None) if next(answers) == 0 else asked(self, solver, question)

    monkeypatch.setattr(Prover, "_asked", timeout_at_first)
    symbolic, reference = toy()
    formula = next(f for f in symbolic.program.formulas if f.name == "few_hops")
    (result,) = prove(symbolic, [formula], reference.start)
    assert result.inductive is False and result.cti is not None and result.unknown == ()


def test_the_timeout_reaches_z3(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set[tuple[str, int]]()
    honest = z3.Solver.set

    def recorded(self: Any, key: str, value: int) -> None:
        seen.add((key, value))
        honest(self, key, value)

    monkeypatch.setattr(z3.Solver, "set", recorded)
    symbolic, reference = toy()
    list(prove(symbolic, symbolic.program.formulas, reference.start, timeout=1234))
    assert seen == {("timeout", 1234)}


def test_a_counterexample_that_is_none_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    symbolic, reference = toy()
    formula = next(f for f in symbolic.program.formulas if f.name == "few_hops")
    monkeypatch.setattr(Evaluator, "holds", lambda *_: True)
    with pytest.raises(InternalError, match="few_hops"):
        list(prove(symbolic, [formula], reference.start))
