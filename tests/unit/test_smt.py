"""smt.py against expectations worked out by hand, on every state; and smt.py with bugs put in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from checker.language import ir
from checker.language.ir import BOOL, Program
from checker.language.layout import Instance, instances
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_eval import Evaluator
from checker.symbolic.smt_values import Frame, Values
from checker.symbolic.terms import Term, Terms, Truth, both, either, width_for
from checker.symbolic.z3_terms import Z3Terms, z3
from model.finite import IntType, MaskType, OptionalType, size
from model.lang import Scope
from tests.rigs import ir_cases, ir_value_cases
from tests.rigs.ir_building import CASES, COLOUR, M0, N0, Case, Colour, E, F, O, Verdict, program

assert ir_cases and ir_value_cases, "imported for the programs that they register"
Codes = tuple[int, ...]
Result = Codes | Verdict


def in_z3(of: Program, scope: Scope) -> Symbolic:
    return Symbolic(of, scope, Z3Terms.wide_enough(of))


def all_states(symbolic: Symbolic) -> Iterator[Codes]:
    return itertools.product(*(range(size(leaf.type)) for leaf in symbolic.layout.leaves))


def expected(case: Case, instance: Instance, codes: Codes) -> Result:
    after = list(codes)
    return case.meaning(after, *instance.args) or tuple(after)


def evaluated(evaluator: Evaluator, instance: Instance, codes: Codes) -> Result:
    outcome = evaluator.step(instance, codes)
    if outcome.successor is not None:
        return outcome.successor
    return Verdict.FAULT if outcome.fault else Verdict.DISABLED


def differences(case: Case, stride: int = 1) -> Iterator[str]:
    """The (state, step) pairs on which the terms do not say what was worked out by hand."""
    symbolic = in_z3(case.program, case.scope)
    evaluator = Evaluator(symbolic)
    for instance in instances(case.program):
        for codes in itertools.islice(all_states(symbolic), 0, None, stride):
            got, wanted = evaluated(evaluator, instance, codes), expected(case, instance, codes)
            if got != wanted:
                yield f"{instance} from {codes}: {got}, not {wanted}"


@pytest.mark.everything
@pytest.mark.parametrize("name", CASES)
def test_every_state_of_a_case(name: str) -> None:
    assert next(differences(CASES[name]), None) is None


@pytest.mark.parametrize("name", CASES)
def test_a_constant_state_folds_to_a_constant_result(name: str) -> None:
    case = CASES[name]
    symbolic = in_z3(case.program, case.scope)
    for instance in instances(case.program):
        for codes in itertools.islice(all_states(symbolic), 0, None, 17):
            run = symbolic.run_step(instance, symbolic.constants(codes))
            stopped = Verdict.FAULT if run.fault else Verdict.DISABLED
            got = symbolic.codes(run.now) if run.enabled and not run.fault else stopped
            assert got == expected(case, instance, codes), (instance, codes)


def test_every_node_class_is_in_a_case() -> None:
    def classes(node: Any) -> Iterator[str]:
        if isinstance(node, tuple):
            for part in node:
                yield from classes(part)
        elif type(node).__module__ == "checker.language.ir":
            yield type(node).__name__
            yield from classes(tuple(getattr(node, slot) for slot in type(node).__slots__))

    used = {c for case in CASES.values() for f in case.program.functions.values() for c in classes(f.body)}
    nodes = {c.__name__ for c in (*ir.Expr.__args__, *ir.Stmt.__args__, *ir.Place.__args__)}
    assert nodes - used == {"Before"}  # only properties have it: test_induction.py


# --- bugs put in ---


def row_write_ignores_the_index(self: Values, count: int, index: Any) -> list[tuple[int, Truth]]:
    return [(row, True) for row in range(count)]


def return_does_not_mask(self: Execution, frame: Frame, value: ir.Expr | None) -> None:
    if value is not None:
        frame.result = self.values.value(frame, value)


def return_is_not_undone_by_the_test(self: Execution, frame: Frame, value: ir.Expr | None) -> None:
    if value is not None:
        frame.result = self.values.value(frame, value)
    frame.returned = True


def last_return_wins(self: Execution, frame: Frame, value: ir.Expr | None) -> None:
    if value is not None:
        frame.result = self.values.value(frame, value)
    frame.returned = either(frame.returned, frame.live())


def require_stops_but_stays_enabled(self: Execution, frame: Frame, test: Truth) -> None:
    self.stopped = either(self.stopped, z3.Not(self._terms.as_term(test)))


def require_outside_its_condition(self: Execution, frame: Frame, test: Truth) -> None:
    self.enabled = both(self.enabled, test)


def lowest_for_highest(self: Terms, mask: Any, members: int) -> Any:
    return self.lowest(mask, members)


def no_fault(self: Execution, frame: Frame, value: ir.Expr, of: Any) -> Truth:
    return True


def only_the_whole_code_is_checked(self: Execution, frame: Frame, value: ir.Expr, of: Any) -> Truth:
    return self._terms.is_code(of, self.values.value(frame, value))


def callee_forgets_who_calls(self: Execution, frame: Frame) -> Truth:
    return frame.live()


def unsigned_order(self: Terms, op: str, left: Term, right: Term) -> Truth:
    if op == "<" and not (isinstance(left, int) and isinstance(right, int)):
        return z3.ULT(self.as_term(left), self.as_term(right))
    return honest_compare(self, op, left, right)


def both_operands_are_always_evaluated(self: Values, frame: Frame, expr: ir.Logic) -> Truth:
    join = both if expr.op == "and" else either
    return join(self.value(frame, expr.left), self.value(frame, expr.right))


def newest_value_wins(self: Frame, name: str) -> Any:
    return self._settled[name] if name in self._settled else self._history[name][-1][1]


def continue_ends_the_loop(self: Execution, frame: Frame, loop: ir.For) -> None:
    with frame.loop():
        for index in range(loop.over.lo, loop.over.hi + 1):
            with frame.block(True):
                frame.set(loop.var, index)
                self._block(frame, loop.body)


def break_ends_one_pass(self: Execution, frame: Frame, loop: ir.For) -> None:
    for index in range(loop.over.lo, loop.over.hi + 1):
        with frame.loop(), frame.block(True):
            frame.set(loop.var, index)
            self._block(frame, loop.body)


honest_compare = Terms.compare
BUGS: list[tuple[type, str, Callable[..., Any]]] = [
    (Values, "_rows", row_write_ignores_the_index),
    (Execution, "_return", return_does_not_mask),
    (Execution, "_return", return_is_not_undone_by_the_test),
    (Execution, "_return", last_return_wins),
    (Execution, "_require", require_stops_but_stays_enabled),
    (Execution, "_require", require_outside_its_condition),
    (Terms, "highest", lowest_for_highest),
    (Execution, "_fits", no_fault),
    (Execution, "_fits", only_the_whole_code_is_checked),
    (Execution, "live", callee_forgets_who_calls),
    (Terms, "compare", unsigned_order),
    (Values, "_logic", both_operands_are_always_evaluated),
    (Frame, "get", newest_value_wins),
    (Execution, "_for", continue_ends_the_loop),
    (Execution, "_for", break_ends_one_pass),
]


@pytest.mark.everything
@pytest.mark.parametrize(("owner", "attribute", "bug"), BUGS, ids=[bug.__name__ for *_, bug in BUGS])
def test_a_bug_is_noticed(
    monkeypatch: pytest.MonkeyPatch, owner: type, attribute: str, bug: Callable[..., Any]
) -> None:
    monkeypatch.setattr(owner, attribute, bug)
    assert any(next(differences(case, stride=7), None) for case in CASES.values())


# --- the rest of the interface ---


def test_the_state_is_named_by_paths() -> None:
    symbolic = in_z3(CASES["masks"].program, CASES["masks"].scope)
    assert [str(v) for v in symbolic.state] == ["t[0].n", "t[0].m", "t[1].n", "t[1].m", "o", "f", "e"]


def test_well_typed_is_exactly_the_codes() -> None:
    symbolic = in_z3(program(()), CASES["masks"].scope)
    low = symbolic.constants((0,) * 7)
    assert z3.is_true(z3.simplify(symbolic.well_typed(low)))
    for leaf, of in (
        (N0, IntType(0, 2)),
        (M0, MaskType(IntType(0, 1))),
        (O, OptionalType(IntType(0, 1))),
        (E, COLOUR),
    ):
        codes = range(-3, 6)
        states = ([*low[:leaf], code, *low[leaf + 1 :]] for code in codes)
        good = [c for c, s in zip(codes, states, strict=True) if z3.is_true(z3.simplify(symbolic.well_typed(s)))]
        assert good == list(range(size(of))), of


def test_an_optional_of_a_range_that_does_not_begin_at_zero() -> None:
    of = OptionalType(IntType(2, 3))
    assert [code for code in range(-1, 7) if Z3Terms(6).is_code(of, code)] == [0, 3, 4]


def test_a_constant_run_reads_what_cpython_reads() -> None:
    symbolic = in_z3(CASES["load_from_a_chosen_row"].program, CASES["load_from_a_chosen_row"].scope)
    (instance,) = instances(symbolic.program)
    state = symbolic.constants((0, 0, 0, 0, 1, 0, 0))
    assert symbolic.run_step(instance, state).values.reads == {O, N0}
    assert symbolic.run_step(instance, symbolic.constants((0,) * 7)).values.reads == {O}


def test_the_width_holds_results_of_arithmetic() -> None:
    assert width_for((IntType(0, 7), BOOL)) == 5
    assert width_for((IntType(-9, 0),)) == 6
    assert width_for({"m": MaskType(IntType(0, 255))}) == 258


@pytest.mark.parametrize("elements", [8, 70])
def test_a_wide_mask(elements: int) -> None:
    terms = Z3Terms(width_for((MaskType(IntType(0, elements - 1)),)))
    mask = z3.BitVec("mask", terms.width)
    pair = terms.union(terms.single(3), terms.single(elements - 1))
    picked = [terms.highest(mask, elements), terms.lowest(mask, elements)]
    values = [z3.simplify(z3.substitute(p, (mask, terms.as_term(pair)))).as_long() for p in picked]
    assert values == [elements, 4]


def test_the_choices_come_from_the_scope() -> None:
    case = CASES["other_choices"]
    symbolic = in_z3(case.program, case.scope)
    assert case.scope.colour is Colour.GREEN and symbolic.choices == {"swap": False, "colour": 1}
    assert F == 5  # bools are z3 Bools, everything else bits
    assert [z3.is_bool(v) for v in symbolic.state] == [k == F for k in range(7)]
