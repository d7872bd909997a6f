"""Generated C: names, labels, atoms and the text itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from checker.engine.atoms import Atom, atoms
from checker.engine.cgen import generate
from checker.language import ir
from checker.language.ir import BOOL, Formula, Param, Program, Stmt
from checker.language.layout import instances
from model.finite import IntType, ModelError, OptionalType, Scalar, StructType
from model.lang import Kind
from tests.rigs.cgen_harness import (
    BYTE,
    LOC,
    MODE,
    SM,
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
    both,
    compare,
    const,
    dot,
    edit,
    function,
    give,
    has,
    invert,
    load,
    local,
    num,
    pick,
    plus,
    program,
    require,
    state_of,
    store,
    when,
)  # fmt: skip

# --- names -----------------------------------------------------------------------------------------------------


def test_names_that_c_cannot_have(tmp_path: Path) -> None:
    fields: dict[str, Scalar] = {"int": BYTE, "register": BYTE, "linux": BYTE, "choice_default": BYTE}
    state = state_of(**fields)
    places = [dot(state, name) for name in fields]
    value = function("Base.value", [give(plus(local("s"), num(1)))], Param("s", BYTE), returns=BYTE)
    clash = function("Base_value", [give(num(5))], returns=BYTE)
    names = ["s", "ret", "checked", "found", "Base_value", "uint8_t", "cell", "out", "DONE", "while", "short", "größe"]
    body: list[Stmt] = [assign(name, num(i % 8)) for i, name in enumerate(names)]
    body += [
        store(places[0], plus(local("short"), local("größe"), "-"), check=True),  # 10 % 8 - 11 % 8 is below 0
    ]
    good: list[Stmt] = [
        store(places[0], ir.Call("Base.value", (local("ret"),), BYTE, LOC), check=True),
        store(places[1], ir.Call("Base_value", (), BYTE, LOC)),
        store(places[2], plus(local("while"), local("found")), check=True),  # 9 % 8 + 3
        store(places[3], ir.Choice("default", MODE, LOC)),
    ]
    made = program(state, {"state": [*body[:-1], *good], "double": body}, [value, clash], choices={"default": MODE})
    native = Native(made, tmp_path)
    assert native.step("state", (0, 0, 0, 0), (2,)) == (2, 5, 4, 2)
    assert native.step("double", (0, 0, 0, 0), (2,)) == "fault"


def test_parameters_of_steps_and_formulas_named_like_ours(tmp_path: Path) -> None:
    names = ("n", "label", "labels", "now", "out", "k", "words", "w")
    params = tuple(Param(name, BOOL) for name in names)
    last = [when(local(names[-1], BOOL), [add(SX)])]
    formula = Formula("f", Kind.ALWAYS, ("f",), params, False, LOC)
    f = function("f", [give(local("w", BOOL))], *params, returns=BOOL)
    native = Native(program(STATE, {"go": last}, [f], {"go": params}, [formula]), tmp_path)
    found = native.expand(START)
    assert [label for label, _, _ in found] == list(range(256))
    assert [codes[0] for _, _, codes in found] == [1, 2] * 128
    assert native.atoms(START) == int("10" * 128, 2)


def test_two_records_of_one_name(tmp_path: Path) -> None:
    a, b = type("Same", (), {}), type("Same", (), {})
    state = state_of(a=StructType(a, (("x", BYTE),)), b=StructType(b, (("y", BOOL), ("x", BYTE))))
    body: list[Stmt] = [store(dot(dot(state, "b"), "x"), load(dot(dot(state, "a"), "x")))]
    assert Native(program(state, {"go": body}), tmp_path).step("go", (6, 0, 0)) == (6, 0, 6)


# --- labels and atoms ------------------------------------------------------------------------------------------


def labelled() -> Program:
    """Two steps; the second writes its parameters where they can be seen. It is disabled for flag and mode 1."""
    state = state_of(row=THREE, flag=BOOL, mode=MODE, maybe=OptionalType(THREE))
    params = tuple(Param(f"{name}_", of) for name, of in state.fields)
    stores = [store(dot(state, name), local(f"{name}_", of)) for name, of in state.fields]  # type: ignore[arg-type]
    off = both(local("flag_", BOOL), compare("==", local("mode_", MODE), const(1, MODE)))
    steps: dict[str, Sequence[Stmt]] = {
        "zero": [store(dot(state, "row"), num(0))],
        "all": [require(invert(off)), *stores],
    }
    return program(state, steps, params={"all": params})


def test_labels_are_those_of_the_layout(tmp_path: Path) -> None:
    made = labelled()
    found = {label: codes for label, fault, codes in Native(made, tmp_path).expand((2, 0, 0, 0)) if not fault}
    expected = {i.label: i.args for i in instances(made)[1:] if i.args[1:3] != (1, 1)}
    assert found == {0: (0, 0, 0, 0), **expected}
    assert len(found) == 1 + 3 * 2 * 3 * 4 - 3 * 4


@pytest.mark.everything
def test_more_instances_than_labels() -> None:
    params = tuple(Param(f"p{i}", BYTE) for i in range(6))
    with pytest.raises(ModelError, match="262144 step instances"):
        generate(program(STATE, {"go": []}, params={"go": params}))


def formulas() -> Program:
    """odd(n): x + n is odd, for 50 n.  p, q of a leads_to.  grows: x after > x before, for 2 values of a flag."""
    many, flag = Param("n", IntType(0, 49)), Param("flag", BOOL)
    n = local("n", many.type)  # type: ignore[arg-type]
    is_at = compare("==", load(SX), plus(n, num(40), "-"))
    helpers = [
        function("at", [give(is_at)], many, returns=BOOL),
        function("pq.p", [give(has(load(SM), num(0)))], flag, returns=BOOL),
        function("pq.q", [give(both(local("flag", BOOL), has(load(SM), num(1))))], flag, returns=BOOL),
        function("grows", [give(both(compare(">", load(SX), load(dot(ir.Before(), "x"))), local("flag", BOOL), "or"))],
                 flag, returns=BOOL, of_edges=True),
        function("same", [give(invert(ir.Call("grows", (const(0, BOOL),), BOOL, LOC)))], returns=BOOL, of_edges=True),
    ]  # fmt: skip
    made = (
        Formula("same", Kind.ALWAYS, ("same",), (), True, LOC),
        Formula("at", Kind.REACHABLE, ("at",), (many,), False, LOC),
        Formula("grows", Kind.ALWAYS, ("grows",), (flag,), True, LOC),
        Formula("pq", Kind.LEADS_TO, ("pq.p", "pq.q"), (flag,), False, LOC),
        Formula("at2", Kind.REACHABLE, ("at",), (many,), False, LOC),
    )
    return program(STATE, {"go": []}, helpers, formulas=made)


def test_atoms_in_order(tmp_path: Path) -> None:
    made = formulas()
    names = atoms(made)
    assert names[0] == Atom(0, (), 0, True, 0)
    assert names[1] == Atom(1, (0,), 0, False, 0)
    pq = next(n for n, formula in enumerate(made.formulas) if formula.name == "pq")
    assert [a for a in names if a.formula == pq] == [
        Atom(pq, (0,), 0, False, 50), Atom(pq, (0,), 1, False, 51),
        Atom(pq, (1,), 0, False, 52), Atom(pq, (1,), 1, False, 53),
    ]  # fmt: skip
    native = Native(made, tmp_path)
    at_45 = 1 << 45 | 1 << 54 + 45  # bit 99 lies in the second word
    assert native.atoms(after(x=5)) == at_45
    assert native.atoms(after(x=5, m=1)) == at_45 | 1 << 50 | 1 << 52
    assert native.atoms(after(x=5, m=2)) == at_45 | 1 << 53


def test_atoms_of_steps(tmp_path: Path) -> None:
    native = Native(formulas(), tmp_path)
    assert native.edge_atoms(after(x=1), after(x=2)) == 0b110  # same no, grows(False) yes, grows(True) yes
    assert native.edge_atoms(after(x=2), after(x=2)) == 0b101
    assert native.library.eoi_abi() == 1


def test_no_atoms_still_write_a_word(tmp_path: Path) -> None:
    native = Native(program(STATE, {"go": []}), tmp_path)
    assert native.atoms(START) == 0
    assert native.edge_atoms(START, START) == 0


# --- the text --------------------------------------------------------------------------------------------------


def test_the_text_reads_like_the_model() -> None:
    body: list[Stmt] = [
        bind("apic", at(UNITS, load(SX))),
        require(ir.IsSome(pick("highest", load(dot(ir.Alias("apic", UNIT), "irr"))), BOOL, LOC)),
        store(dot(ir.Alias("apic", UNIT), "irr"), edit("without", load(dot(ir.Alias("apic", UNIT), "irr")), num(3))),
    ]
    text = generate(program(STATE, {"kvm_apic_ack": body}))
    assert (
        "/* model/toy.py:7 kvm_apic_ack (Toy) */\n"
        "static int kvm_apic_ack(struct sys *s)\n"
        "{\n"
        "\tstruct Unit *apic = &s->units[s->x];\n"
        "\tif (fls64(apic->irr) == 0)\n"
        "\t\treturn DISABLED;\n"
        "\tapic->irr &= ~BIT_ULL(3);\n"
        "\treturn DONE;\n"
        "}\n"
    ) in text
    assert text == generate(program(STATE, {"kvm_apic_ack": body}))


def test_what_nobody_reaches_is_left_out() -> None:
    spare = function("spare", [store(SX, num(0))])
    assert "spare" not in generate(program(STATE, {"go": []}, [spare]))
