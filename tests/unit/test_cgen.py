"""Generated C: statements, calls, guards and ranges against results worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from checker.language import ir
from checker.language.ir import BOOL, Expr, Param, Stmt
from model.finite import IntType, MaskType, OptionalType, TableType
from tests.rigs.cgen_harness import (
    BYTE,
    CELLS,
    GRID,
    LOC,
    MAYBE,
    MODE,
    SM,
    SMALL,
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
    both,
    compare,
    const,
    do,
    dot,
    edit,
    function,
    give,
    has,
    load,
    local,
    loop,
    num,
    pick,
    plus,
    program,
    quantified,
    require,
    run,
    store,
    when,
)  # fmt: skip

# --- statements ----------------------------------------------------------------------------------------------


def test_bind_evaluates_its_index_once(tmp_path: Path) -> None:
    row = ir.Alias("row", UNIT)
    body: list[Stmt] = [bind("row", at(UNITS, load(SX))), store(SX, num(2)), store(dot(row, "n"), num(7))]
    assert run(tmp_path, body) == after(x=2, n1=7)


def test_bind_of_mask_table_and_row_of_a_table(tmp_path: Path) -> None:
    mask, table, line = ir.Alias("mask", SMALL), ir.Alias("table", GRID), ir.Alias("line", TableType(THREE, BYTE))
    with_5 = ir.MaskEdit("with", load(mask), num(5), SMALL, LOC)
    body: list[Stmt] = [
        bind("mask", dot(at(UNITS, 2), "irr")), store(mask, with_5),
        bind("table", CELLS), bind("line", at(table, 1)), store(at(line, load(SX)), num(6)),
        store(at(at(table, 0), 2), num(3)),
    ]  # fmt: skip
    assert run(tmp_path, body) == after(irr2=32, g11=6, g02=3)


def test_a_name_bound_again_in_an_inner_block(tmp_path: Path) -> None:
    row = ir.Alias("row", UNIT)
    body: list[Stmt] = [
        bind("row", at(UNITS, 0)),
        when(compare("==", load(SX), num(1)), [bind("row", at(UNITS, 2))]),
        store(dot(row, "n"), num(4)),
    ]
    assert run(tmp_path, body) == after(n2=4)
    assert run(tmp_path, body, codes=after(x=3)) == after(x=3, n0=4)


def test_a_local_set_in_both_branches(tmp_path: Path) -> None:
    body: list[Stmt] = [
        when(compare("==", load(SX), num(1)), [assign("a", num(4))], [assign("a", num(5))]),
        store(SX, local("a")),
    ]
    assert run(tmp_path, body) == after(x=4)
    assert run(tmp_path, body, codes=after(x=0)) == after(x=5)


def test_one_name_for_an_int_and_a_mask(tmp_path: Path) -> None:
    body: list[Stmt] = [
        assign("a", num(4)), store(SX, local("a")),
        assign("a", const(0x81, SMALL)), store(SM, local("a", SMALL)), store(dot(at(UNITS, 0), "n"), local("a")),
    ]  # fmt: skip
    assert run(tmp_path, body) == after(x=4, m=0x81, n0=4)


def test_scalars_are_bound_by_value(tmp_path: Path) -> None:
    body: list[Stmt] = [assign("old", load(SX)), store(SX, num(5)), store(dot(at(UNITS, 0), "n"), local("old"))]
    assert run(tmp_path, body) == after(x=5, n0=1)


def test_chained_else(tmp_path: Path) -> None:
    def is_(n: int) -> Expr:
        return compare("==", load(SX), num(n))

    body: list[Stmt] = [when(is_(0), [store(SX, num(5))], [when(is_(1), [store(SX, num(6))], [store(SX, num(7))])])]
    native = Native(program(STATE, {"go": body}), tmp_path)
    assert [native.step("go", after(x=n)) for n in (0, 1, 2)] == [after(x=5), after(x=6), after(x=7)]


def test_an_empty_body_and_an_inner_else(tmp_path: Path) -> None:
    inner = when(compare("==", load(SX), num(0)), [store(SX, num(5))], [give()])
    body: list[Stmt] = [
        when(compare("==", load(SX), num(7)), []),
        when(compare("<", load(SX), num(2)), [inner]),
        store(SX, num(3)),
    ]
    native = Native(program(STATE, {"go": body}), tmp_path)
    assert [native.step("go", after(x=n)) for n in (0, 1, 2)] == [after(x=3), after(x=1), after(x=3)]


def test_loops(tmp_path: Path) -> None:
    i = local("i", THREE)
    skip = when(compare("==", i, num(1)), [ir.Continue(LOC)])
    stop = when(compare("==", i, num(2)), [ir.Break(LOC)])
    steps: dict[str, Sequence[Stmt]] = {
        "continue": [loop("i", THREE, skip, add(dot(at(UNITS, i), "n"))), add(SX)],
        "break": [loop("i", THREE, stop, add(dot(at(UNITS, i), "n"))), add(SX)],
        "return": [loop("i", THREE, add(dot(at(UNITS, i), "n")), when(compare("==", i, num(1)), [give()])), add(SX)],
        "offset": [loop("i", IntType(1, 2), add(dot(at(UNITS, i), "n")))],
    }
    native = Native(program(STATE, steps), tmp_path)
    assert native.step("continue", START) == after(n0=1, n2=1, x=2)
    assert native.step("break", START) == after(n0=1, n1=1, x=2)
    assert native.step("return", START) == after(n0=1, n1=1)
    assert native.step("offset", START) == after(n1=1, n2=1)


def test_loop_variables_as_in_python(tmp_path: Path) -> None:
    i, n0 = local("i", THREE), dot(at(UNITS, 0), "n")
    steps: dict[str, Sequence[Stmt]] = {
        # for i in range(3): pass; x = i
        "kept": [loop("i", THREE), store(SX, i)],
        # for i in range(3): n0 += 1; i = 2
        "set": [loop("i", THREE, add(n0), assign("i", num(2)))],
        # for i in range(3): { for i in range(2): pass; n0 += i }
        "nested": [loop("i", THREE, loop("i", IntType(0, 1)), store(n0, plus(load(n0), i)))],
        # i = 2; for i in range(2): break; x = i
        "reused": [assign("i", num(2)), loop("i", IntType(0, 1), ir.Break(LOC)), store(SX, i)],
        "twice": [loop("i", THREE, add(n0)), loop("i", IntType(0, 1), add(SX))],
    }
    native = Native(program(STATE, steps), tmp_path)
    assert native.step("kept", START) == after(x=2)
    assert native.step("set", START) == after(n0=3)
    assert native.step("nested", START) == after(n0=3)
    assert native.step("reused", START) == after(x=0)
    assert native.step("twice", START) == after(n0=3, x=3)


def test_a_local_survives_from_one_pass_to_the_next(tmp_path: Path) -> None:
    """last = 7; for i in range(3): units[i].n = last; last = i"""
    i = local("i", THREE)
    body: list[Stmt] = [
        assign("last", num(7)),
        loop("i", THREE, store(dot(at(UNITS, i), "n"), local("last")), assign("last", i)),
    ]
    assert run(tmp_path, body) == after(n0=7, n1=0, n2=1)


def test_any_reads_locals_and_may_shadow_them(tmp_path: Path) -> None:
    body: list[Stmt] = [
        assign("v", num(3)), assign("limit", num(2)),
        when(quantified("any", "v", compare("==", local("v"), local("limit"))), [store(SX, local("v"))]),
    ]  # fmt: skip
    assert run(tmp_path, body) == after(x=3)


# --- ranges, guards, calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "expected"), [(6, after(x=7)), (7, "fault")])
def test_store_above_the_range(tmp_path: Path, x: int, expected: object) -> None:
    assert run(tmp_path, [add(SX, check=True)], codes=after(x=x)) == expected


@pytest.mark.parametrize(("x", "expected"), [(1, after(x=0)), (0, "fault")])
def test_store_below_the_range(tmp_path: Path, x: int, expected: object) -> None:
    assert run(tmp_path, [add(SX, -1, check=True)], codes=after(x=x)) == expected


@pytest.mark.parametrize(("x", "expected"), [(0, "fault"), (1, after(x=1, o=1)), (7, after(x=7, o=7))])
def test_store_into_an_optional(tmp_path: Path, x: int, expected: object) -> None:
    """-1 + 1 is the code of None; it must not be taken for it."""
    value = ir.Wrap(plus(load(SX), num(-1)), MAYBE, LOC)
    assert run(tmp_path, [store(SO, value, check=True)], codes=after(x=x)) == expected


def test_store_above_an_optional_and_of_none(tmp_path: Path) -> None:
    wide = OptionalType(IntType(0, 20))
    assert run(tmp_path, [store(SO, ir.Wrap(num(8), wide, LOC), check=True)]) == "fault"
    assert run(tmp_path, [store(SO, const(0, wide), check=True)], codes=after(o=4)) == after(o=0)


def test_store_into_a_mask_without_that_bit(tmp_path: Path) -> None:
    bits = ir.MaskOp("|", load(SM), const(0x100, MaskType(IntType(0, 8))), SMALL, LOC)
    assert run(tmp_path, [store(SM, bits, check=True)]) == "fault"
    assert run(tmp_path, [store(SM, const(0xFF, SMALL), check=True)]) == after(m=0xFF)


@pytest.mark.parametrize(("x", "expected"), [(4, after(x=4, m=1)), (3, "fault"), (7, after(x=7, m=8))])
def test_add_an_element_outside_the_mask(tmp_path: Path, x: int, expected: object) -> None:
    value = edit("with", load(SM), plus(load(SX), num(4), "-"))
    assert run(tmp_path, [store(SM, value, check=True)], codes=after(x=x)) == expected
    far = edit("with", load(SM), plus(load(SX), num(64)))
    assert run(tmp_path, [store(SM, far, check=True)], codes=after(x=x)) == "fault"


def test_a_local_out_of_its_range(tmp_path: Path) -> None:
    body: list[Stmt] = [assign("a", plus(load(SX), num(1)), check=True, of=THREE), store(SX, local("a", THREE))]
    assert run(tmp_path, body) == after(x=2)
    assert run(tmp_path, body, codes=after(x=2)) == "fault"


def test_a_fault_comes_before_the_store(tmp_path: Path) -> None:
    native = Native(
        program(STATE, {"go": [store(SM, const(1, SMALL)), add(SX, check=True), store(SO, const(1, MAYBE))]}), tmp_path
    )
    assert native.expand(after(x=7)) == [(0, True, after(x=7, m=1))]


def test_a_pure_function_out_of_range(tmp_path: Path) -> None:
    """def row() -> THREE: r: THREE = x + 1; return r      def go(): units[row()].n = 5"""
    row = function(
        "row", [assign("r", plus(load(SX), num(1)), check=True, of=THREE), give(local("r", THREE))], returns=THREE
    )
    used = at(UNITS, ir.Call("row", (), THREE, LOC))
    steps: dict[str, Sequence[Stmt]] = {"go": [store(dot(used, "n"), num(5))], "after": [store(SM, const(3, SMALL))]}
    native = Native(program(STATE, steps, [row]), tmp_path)
    assert native.step("go", START) == after(n2=5)
    assert native.step("go", after(x=2)) == "fault"
    assert native.step("after", after(x=2)) == after(x=2, m=3), "the next step is not blamed"


def test_require(tmp_path: Path) -> None:
    highest = pick("highest", load(SM))
    steps: dict[str, Sequence[Stmt]] = {
        "small": [require(compare("<", load(SX), num(2))), add(SX)],
        "some": [require(ir.IsSome(highest, BOOL, LOC)), store(SX, ir.Unwrap(highest, BYTE, LOC))],
        "two": [
            require(both(compare("==", load(SX), num(0)), compare("==", load(SM), const(0, SMALL)), "or")),
            add(SX),
        ],
    }
    native = Native(program(STATE, steps), tmp_path)
    assert native.expand(START) == [(0, False, after(x=2)), (2, False, after(x=2))]
    assert native.expand(after(x=5, m=0x50)) == [(1, False, after(x=6, m=0x50))]


def test_status_travels_through_calls(tmp_path: Path) -> None:
    helpers = [
        function("guard", [require(compare("==", load(SX), num(1)))]),
        function("fault", [add(SO, check=True)]),
        function("plain", [store(SM, const(9, SMALL))]),
        function("middle", [do("plain"), do("fault"), do("plain")]),
    ]
    steps: dict[str, Sequence[Stmt]] = {
        "a": [do("guard"), do("plain")],
        "b": [do("middle"), add(SX)],
        "c": [do("plain")],
    }
    native = Native(program(STATE, steps, helpers), tmp_path)
    assert native.step("a", START) == after(m=9)
    assert native.step("a", after(x=2)) == "disabled"
    assert native.step("b", START) == after(m=9, o=1, x=2)
    assert native.step("b", after(o=8)) == "fault"
    assert native.step("c", after(x=7)) == after(x=7, m=9)


def test_references(tmp_path: Path) -> None:
    """A function that is handed a struct, a mask, a table, and a row of a table of tables."""
    unit, mask, grid, line = (
        ir.Alias("unit", UNIT), ir.Alias("mask", SMALL), ir.Alias("grid", GRID),
        ir.Alias("line", TableType(THREE, BYTE)),
    )  # fmt: skip
    params = [Param(p.name, p.type) for p in (unit, mask, grid, line)]
    total = function(
        "total", [give(plus(load(dot(unit, "n")), load(at(at(grid, 1), 2))))], *params[:1], params[2], returns=BYTE
    )
    change = function(
        "change",
        [
            store(dot(unit, "n"), num(3)), store(mask, const(6, SMALL)), store(at(at(grid, 1), 2), num(2)),
            store(at(line, 0), num(1)), store(SX, ir.Call("total", (unit, grid), BYTE, LOC)),
            do("again", mask),
        ],
        *params,
    )  # fmt: skip
    again = function("again", [store(mask, edit("with", load(mask), num(7)))], params[1])
    body: list[Stmt] = [do("change", at(UNITS, 1), dot(at(UNITS, 0), "irr"), CELLS, at(CELLS, 0))]
    expected = after(n1=3, irr0=0x86, g12=2, g00=1, x=5)
    assert run(tmp_path, body, total, again, change) == expected


def test_pure_results_of_every_type(tmp_path: Path) -> None:
    arg = Param("a", BYTE)
    helpers = [
        function("mask_of", [give(edit("with", load(SM), local("a")))], arg, returns=SMALL),
        function("first", [
            loop("v", BYTE, when(has(load(SM), local("v")), [give(ir.Wrap(local("v"), MAYBE, LOC))])),
            give(const(0, MAYBE)),
        ], returns=MAYBE),
        function("mode_of", [when(compare("==", local("a"), num(1)), [give(const(2, MODE))], [give(const(0, MODE))])],
                 arg, returns=MODE),
    ]  # fmt: skip
    directed = compare("==", ir.Call("mode_of", (load(SX),), MODE, LOC), const(2, MODE))
    body: list[Stmt] = [
        store(SM, ir.Call("mask_of", (plus(load(SX), num(1)),), SMALL, LOC)),
        store(SO, ir.Call("first", (), MAYBE, LOC)),
        when(directed, [store(SX, num(7))]),
    ]
    assert run(tmp_path, body, *helpers) == after(x=7, m=4, o=3)
    assert run(tmp_path, body, *helpers, codes=after(x=2, m=1)) == after(x=2, m=9, o=1)


def test_a_parameter_may_be_assigned(tmp_path: Path) -> None:
    helper = function("helper", [assign("a", plus(local("a"), num(1))), store(SX, local("a"))], Param("a", BYTE))
    assert run(tmp_path, [assign("a", num(3)), do("helper", local("a")), store(SO, local("a"))], helper) == after(
        x=4, o=3
    )
