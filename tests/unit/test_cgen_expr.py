"""Generated C: every expression of the IR, in cells of every width, against results worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from checker.language import ir
from checker.language.ir import BOOL, Expr, Stmt
from model.finite import IntType, MaskType, OptionalType, Scalar
from tests.rigs.cgen_harness import (
    BYTE,
    LOC,
    MAYBE,
    MODE,
    SMALL,
    Native,
    assign,
    both,
    compare,
    const,
    dot,
    edit,
    has,
    invert,
    load,
    local,
    masks,
    num,
    pick,
    plus,
    program,
    quantified,
    state_of,
    store,
)  # fmt: skip

WIDE = MaskType(IntType(0, 63))

# --- expressions -------------------------------------------------------------------------------------------

FIELDS: dict[str, Scalar] = {
    "x": BYTE, "y": BYTE, "m": SMALL, "k": SMALL, "none": MAYBE, "three": MAYBE, "mode": MODE, "yes": BOOL,
    "out_bool": BOOL, "out_int": BYTE, "out_mask": SMALL, "out_opt": MAYBE,
}  # fmt: skip
#        x  y  m={1,2,4} k={0,1} none three LEVEL yes  outputs
BEFORE = (5, 2, 0b10110, 0b00011, 0, 4, 1, 1, 0, 0, 0, 0)
ROOT = state_of(**FIELDS)
X, Y, M, K, NONE, SOME, MODE_NOW, YES = (load(dot(ROOT, name)) for name in list(FIELDS)[:8])
NEVER = compare(">", X, num(7))


V, W = local("v"), local("w")
EXPRESSIONS: dict[str, tuple[Expr, int]] = {
    "a constant": (num(6), 6),
    "an enum constant": (compare("==", MODE_NOW, const(1, MODE)), 1),
    "an enum constant, other": (compare("==", MODE_NOW, const(2, MODE)), 0),
    "None": (const(0, MAYBE), 0),
    "a mask constant": (const(0b1001, SMALL), 0b1001),
    "a load": (X, 5),
    "not": (invert(YES), 0),
    "not not": (invert(invert(YES)), 1),
    "not (<)": (invert(compare("<", Y, X)), 0),
    "not (<=)": (invert(compare("<=", X, X)), 0),
    "not (>=)": (invert(compare(">=", Y, X)), 1),
    "not (>)": (invert(compare(">", X, Y)), 0),
    "not (!=)": (invert(compare("!=", X, Y)), 0),
    "not (or)": (invert(both(NEVER, NEVER, "or")), 1),
    "and": (both(YES, NEVER), 0),
    "or": (both(NEVER, YES, "or"), 1),
    "and binds tighter than or, on the left": (both(both(NEVER, YES, "or"), NEVER), 0),
    "and binds tighter than or, on the right": (both(NEVER, both(YES, YES, "or")), 0),
    "or of and": (both(YES, both(NEVER, YES), "or"), 1),
    "not not or, inside and": (both(invert(invert(both(YES, NEVER, "or"))), NEVER), 0),
    "<": (compare("<", Y, X), 1),
    "<=": (compare("<=", X, Y), 0),
    ">=": (compare(">=", X, num(5)), 1),
    "a negative int": (compare("<", plus(Y, X, "-"), num(0)), 1),
    "a negative constant": (compare("==", plus(Y, X, "-"), num(-3)), 1),
    "a - (b - c)": (plus(X, plus(Y, num(1), "-"), "-"), 4),
    "(a - b) - c": (plus(plus(X, Y, "-"), num(1), "-"), 2),
    "if else": (ir.IfElse(NEVER, X, Y, BYTE, LOC), 2),
    "if else, inside and": (both(ir.IfElse(YES, NEVER, YES, BOOL, LOC), YES), 0),
    "is some, of None": (ir.IsSome(NONE, BOOL, LOC), 0),
    "is some": (ir.IsSome(SOME, BOOL, LOC), 1),
    "not is some": (invert(ir.IsSome(NONE, BOOL, LOC)), 1),
    "unwrap": (ir.Unwrap(SOME, BYTE, LOC), 3),
    "wrap": (ir.Wrap(X, MAYBE, LOC), 6),
    "in": (has(M, num(4)), 1),
    "in, no": (has(M, num(3)), 0),
    "not in": (invert(has(M, num(3))), 1),
    "in, far outside": (has(M, plus(num(64), X)), 0),
    "with": (edit("with", M, num(0)), 0b10111),
    "without": (edit("without", M, num(2)), 0b10010),
    "without, absent": (edit("without", M, num(3)), 0b10110),
    "without, far outside": (edit("without", M, plus(num(64), X)), 0b10110),
    "|": (masks("|", M, K), 0b10111),
    "&": (masks("&", M, K), 0b00010),
    "-": (masks("-", M, K), 0b10100),
    "- of |": (masks("-", masks("|", M, K), masks("&", M, K)), 0b10101),
    "highest": (pick("highest", M), 5),
    "lowest": (pick("lowest", M), 2),
    "highest of none": (pick("highest", masks("-", M, M)), 0),
    "lowest of none": (pick("lowest", masks("-", M, M)), 0),
    "unwrap highest": (ir.Unwrap(pick("highest", M), BYTE, LOC), 4),
    "any": (quantified("any", "v", both(has(M, V), compare(">", V, num(3)))), 1),
    "any, no": (quantified("any", "v", both(has(M, V), compare(">", V, num(4)))), 0),
    "all": (quantified("all", "v", both(invert(has(M, V)), compare("<", V, num(5)), "or")), 1),
    "all, no": (quantified("all", "v", has(M, V)), 0),
    "all of nothing": (quantified("all", "v", NEVER, IntType(0, -1)), 1),
    "any of nothing": (quantified("any", "v", YES, IntType(0, -1)), 0),
    "any from 6": (quantified("any", "v", compare("==", V, num(5)), IntType(6, 7)), 0),
    # every member of k is below or at some member of m that is not in k
    "all of any": (
        quantified("all", "v", both(invert(has(K, V)), quantified(
            "any", "w", both(has(masks("-", M, K), W), compare("<=", V, W))), "or")), 1),
    "any of all": (quantified("any", "v", quantified("all", "w", compare("==", V, W))), 0),
    "any, the same name inside": (
        quantified("any", "v", both(quantified("all", "v", compare(">=", V, num(0))), compare("==", V, num(3)))), 1),
    "not any": (invert(quantified("any", "v", has(M, V))), 0),
}  # fmt: skip


def output(e: Expr) -> ir.FieldOf:
    match e.type:
        case MaskType():
            return dot(ROOT, "out_mask")
        case OptionalType():
            return dot(ROOT, "out_opt")
        case IntType():
            return dot(ROOT, "out_int")
        case _:
            return dot(ROOT, "out_bool")


@pytest.fixture(scope="module", params=[1, 2, 4, 8], ids=lambda n: f"{n}-byte-cells")
def expressions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """One step an expression; a mask behind the other fields decides how wide all cells are."""
    state = state_of(**FIELDS, pad=MaskType(IntType(0, 8 * request.param - 1)))
    steps: dict[str, Sequence[Stmt]] = {f"e{i}": [store(output(e), e)] for i, (e, _) in enumerate(EXPRESSIONS.values())}
    return Native(program(state, steps), tmp_path_factory.mktemp("cgen"))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression(expressions: Native, name: str) -> None:
    position, (e, expected) = list(EXPRESSIONS).index(name), EXPRESSIONS[name]
    got = expressions.step(f"e{position}", (*BEFORE, 0))
    where = list(FIELDS).index(output(e).name)
    assert got == (*BEFORE[:where], expected, *BEFORE[where + 1 :], 0)


def test_masks_of_64(tmp_path: Path) -> None:
    state = state_of(m=WIDE, o=OptionalType(IntType(0, 63)))
    m, o = (dot(state, f) for f in "mo")
    steps: dict[str, Sequence[Stmt]] = {
        "add": [store(m, ir.MaskEdit("with", load(m), num(63), WIDE, LOC))],
        "drop": [store(m, ir.MaskEdit("without", load(m), num(63), WIDE, LOC))],
        "high": [store(o, ir.MaskPick("highest", load(m), OptionalType(IntType(0, 63)), LOC))],
        "low": [store(o, ir.MaskPick("lowest", load(m), OptionalType(IntType(0, 63)), LOC))],
        "full": [assign("bits", const(2**64 - 1, WIDE)), store(m, local("bits", WIDE), check=True)],
    }
    native = Native(program(state, steps), tmp_path)
    top = 1 << 63
    assert native.step("add", (1, 0)) == (top | 1, 0)
    assert native.step("drop", (top | 2, 0)) == (2, 0)
    assert native.step("high", (top, 0)) == (top, 64)
    assert native.step("low", (top, 0)) == (top, 64)
    assert native.step("low", (top | 1 << 40, 0)) == (top | 1 << 40, 41)
    assert native.step("full", (0, 0)) == (2**64 - 1, 0)
