"""Bugs put into the generated C, one at a time: the expectations of one small program must notice each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from checker.engine.cgen import generate
from checker.language import ir
from checker.language.ir import BOOL, Formula, Param, Program, Stmt
from model.finite import IntType
from model.lang import Kind
from tests.rigs.cgen_harness import (
    LOC,
    MAYBE,
    SM,
    SO,
    START,
    STATE,
    SX,
    THREE,
    UNIT,
    UNITS,
    Native,
    add,
    after,
    assign,
    at,
    bind,
    compare,
    do,
    dot,
    edit,
    function,
    give,
    has,
    invert,
    load,
    local,
    loop,
    num,
    pick,
    plus,
    program,
    quantified,
    require,
    store,
    when,
)  # fmt: skip
from tests.rigs.volume import at_once

I, P, Q = local("i", THREE), local("p", THREE), local("q", BOOL)
ROW = ir.Alias("row", UNIT)
HIGHEST = pick("highest", load(SM))


def sample() -> Program:
    """One step for each thing that can go wrong; `labels` shows its parameters in the state."""
    skip = when(compare("==", I, num(1)), [ir.Continue(LOC)])
    every = quantified("all", "v", invert(has(load(SM), local("v"))))
    smaller = compare("<", load(dot(ir.Before(), "x")), load(SX))
    inside = ir.IfElse(compare("<=", load(SX), num(2)), load(SX), num(0), THREE, LOC)
    params = (Param("p", THREE), Param("q", BOOL))
    steps: dict[str, Sequence[Stmt]] = {
        "highest": [require(ir.IsSome(HIGHEST, BOOL, LOC)), store(SX, ir.Unwrap(HIGHEST, SX.type, LOC))],  # type: ignore[arg-type]
        "drop": [store(SM, edit("without", load(SM), num(4)))],
        "late": [bind("row", at(UNITS, inside)), store(SX, num(2)), store(dot(ROW, "n"), num(7))],
        "range": [add(SX, check=True)],
        "none": [store(SO, ir.Wrap(plus(load(SX), num(-1)), MAYBE, LOC), check=True)],
        "local": [assign("a", plus(load(SX), num(1)), check=True, of=THREE), store(SX, local("a", THREE))],
        "loop": [loop("i", THREE, skip, add(dot(at(UNITS, I), "n")))],
        "empty": [when(every, [store(SX, num(6))])],
        "called": [do("guard"), store(SX, num(5))],
        "labels": [store(SX, P), store(SO, ir.Wrap(P, MAYBE, LOC)), when(Q, [store(SO, ir.Const(0, MAYBE, LOC))])],
    }
    helpers = [
        function("guard", [require(compare("==", load(SX), num(1)))]),
        function("grows", [give(smaller)], returns=BOOL, of_edges=True),
        function("pq.p", [give(compare("==", load(SX), P))], params[0], returns=BOOL),
        function("pq.q", [give(compare("==", load(SX), num(1)))], params[0], returns=BOOL),
    ]
    formulas = (
        Formula("grows", Kind.ALWAYS, ("grows",), (), True, LOC),
        Formula("pq", Kind.LEADS_TO, ("pq.p", "pq.q"), params[:1], False, LOC),
    )
    return program(STATE, steps, helpers, {"labels": params}, formulas)


def check(native: Native) -> None:
    """Everything that `sample` does, worked out by hand. Raises AssertionError."""
    assert native.step("highest", after(m=0b10110)) == after(m=0b10110, x=4)
    assert native.step("highest", START) == "disabled"
    assert native.step("drop", after(m=0b10110)) == after(m=0b110)
    assert native.step("late", START) == after(x=2, n1=7)
    assert native.step("range", after(x=7)) == "fault"
    assert native.step("none", after(x=0)) == "fault"
    assert native.step("local", after(x=2)) == "fault"
    assert native.step("loop", START) == after(n0=1, n2=1)
    assert native.step("empty", START) == after(x=6)
    assert native.step("empty", after(m=4)) == after(m=4)
    assert native.step("called", after(x=2)) == "disabled"
    assert native.step("called", START) == after(x=5)
    shown = {label - 9: (codes[0], codes[2]) for label, _, codes in native.expand(START) if label >= 9}
    assert shown == {0: (0, 1), 1: (0, 0), 2: (1, 2), 3: (1, 0), 4: (2, 3), 5: (2, 0)}
    assert native.edge_atoms(after(x=1), after(x=2)) == 1
    assert native.edge_atoms(after(x=2), after(x=1)) == 0
    assert native.atoms(START) == 0b101110  # p(0) q p(1) q p(2) q from the lowest bit: 0 1 1 1 0 1
    assert native.atoms(after(x=2)) == 0b010000


FOR_P = "for (int32_t p = 0; p <= 2; p++)"
FOR_Q = "for (int32_t q = 0; q <= 1; q++)"
BUGS: dict[str, tuple[str, str]] = {
    "highest is lowest": ("64 - __builtin_clzll(mask)", "__builtin_ffsll(mask)"),
    "highest is one off": ("64 - __builtin_clzll(mask)", "63 - __builtin_clzll(mask)"),
    "require ignored": ("\t\treturn DISABLED;", "\t\t;"),
    "disabled steps are kept": ("return status != DISABLED", "return 1"),
    "range check missing": ("\t\treturn FAULT;", "\t\t;"),
    "fault not shown": ("label | 0x8000", "label"),
    "below zero is None": ("checked < 1", "checked < 0"),
    "upper bound of a store": ("checked > 7", "checked > 8"),
    "upper bound of a local": ("a > 2", "a > 3"),
    "status dropped": ("\t\treturn ret;", "\t\t;"),
    "index evaluated late": ("row->n", "s->units[s->x].n"),
    "without keeps one": ("&= ~BIT_ULL", "&= BIT_ULL"),
    "continue is break": ("continue;", "break;"),
    "last pass missing": ("i <= 2", "i < 2"),
    "all starts false": ("int32_t every = 1", "int32_t every = 0"),
    "all looks at the last only": ("&& every;", ";"),
    "labels in another order": (f"{FOR_P}\n\t\t{FOR_Q}", f"{FOR_Q}\n\t\t{FOR_P}"),
    "labels count the enabled": ("labels[n++] = label++", "labels[n] = n; n++"),
    "the state is not copied": ("\tout[n] = *now;\n\tlate", "\tlate"),
    "before and after mixed up": ("before->x < s->x", "s->x < before->x"),
    "atoms share a bit": ("k++;", ";"),
    "atoms not cleared": ("words[w] = 0;", ";"),
}


def test_without_a_bug(tmp_path: Path) -> None:
    check(Native(sample(), tmp_path))


@pytest.mark.parametrize("bug", at_once(BUGS, 3))
def test_the_bug_is_noticed(tmp_path: Path, bug: str) -> None:
    good, bad = BUGS[bug]
    made = sample()
    text = generate(made)
    assert good in text, "the bug must be possible"
    with pytest.raises(AssertionError) as noticed:
        check(Native(made, tmp_path, text.replace(good, bad)))
    assert "error:" not in str(noticed.value), "it must fail for its result, not because it does not compile"


assert IntType(0, 2, "rows") == THREE, "the loops above are written out with this range"
