"""How tests/rigs/ir_cases.py writes small programs by hand, each with its meaning as plain Python.

Every program has the same state, small enough to try all of it, and one step "go". The expectation is a
function of the leaf codes (a list that it changes in place) and of the step's arguments; it returns
Verdict.DISABLED or Verdict.FAULT if the step is that, otherwise None. Any back-end can be held against them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from checker.language import ir
from checker.language.ir import BOOL, Formula, Function, Param, Program, Step
from model.finite import (
    BoolType,
    EnumType,
    IntType,
    MaskType,
    OptionalType,
    Scalar,
    StructType,
    TableType,
    Type,
)
from model.lang import Fair, Scope


class Colour(Enum):
    RED = 10
    GREEN = 20
    BLUE = 30


@dataclass(frozen=True)
class CaseScope(Scope):
    swap: bool = True
    colour: Colour = Colour.BLUE


class Verdict(Enum):
    DISABLED = "disabled"
    FAULT = "fault"


class Row:
    """The class that the row's type names."""


class Whole:
    """The class that the state's type names."""


# state: t: Table of two rows {n: 0..2, m: mask of two}, o: optional row number, f: bool, e: Colour
LEVEL, BIT, INDEX, COLOUR = IntType(0, 2), IntType(0, 1), IntType(0, 1), EnumType(Colour)
MASK, MAYBE = MaskType(BIT), OptionalType(INDEX)
ROW = StructType(Row, (("n", LEVEL), ("m", MASK)))
TABLE = TableType(INDEX, ROW)
WHOLE = StructType(Whole, (("t", TABLE), ("o", MAYBE), ("f", BOOL), ("e", COLOUR)))
N0, M0, N1, M1, O, F, E = range(7)  # positions of the leaves

LOC = ir.Loc("case", 1)
STATE, BEFORE = ir.State(), ir.Before()
Codes: TypeAlias = list[int]
Meaning: TypeAlias = Callable[..., Verdict | None]


@dataclass(frozen=True)
class Case:
    name: str
    program: Program
    meaning: Meaning
    scope: CaseScope


CASES: dict[str, Case] = {}


def case(
    *body: ir.Stmt, params: tuple[Param, ...] = (), helpers: Sequence[Function] = (), **choices: object
) -> Callable[[Meaning], Meaning]:
    """Register a program whose step has this body, with the decorated function as its meaning."""

    def register(meaning: Meaning) -> Meaning:
        name = meaning.__name__
        scope = replace(CaseScope(), **choices)  # type: ignore[arg-type]
        CASES[name] = Case(name, program(body, params, helpers), meaning, scope)
        return meaning

    return register


def program(
    body: Sequence[ir.Stmt], params: tuple[Param, ...] = (), helpers: Sequence[Function] = (),
    formulas: tuple[Formula, ...] = (),
) -> Program:  # fmt: skip
    functions = {f.name: f for f in (*helpers, function("go", body, params))}
    choices: dict[str, Scalar] = {"swap": BOOL, "colour": COLOUR}
    step = Step("go", params, "somebody", Fair.FREE, LOC)
    return Program("Case", WHOLE, choices, functions, (step,), formulas)


def function(
    name: str, body: Sequence[ir.Stmt], params: tuple[Param, ...] = (), returns: Scalar | None = None
) -> Function:
    return Function(name, params, returns, tuple(body), returns is None, LOC)


# --- short names for the nodes ---


def field(base: ir.Place, name: str) -> ir.FieldOf:
    record = WHOLE if isinstance(base, ir.State | ir.Before) else base.type
    assert isinstance(record, StructType)
    of = record.field(name)
    assert of is not None
    return ir.FieldOf(base, name, of)


def row(index: ir.Expr, state: ir.Place = STATE) -> ir.RowOf:
    return ir.RowOf(field(state, "t"), index, ROW)


def alias(name: str, of: Type = ROW) -> ir.Alias:
    return ir.Alias(name, of)


def load(place: ir.Place) -> ir.Load:
    assert not isinstance(place.type, StructType | TableType)
    return ir.Load(place, place.type, LOC)


def const(code: int, of: Scalar | None = None) -> ir.Const:
    return ir.Const(code, of or IntType(code, code), LOC)


def local(name: str, of: Scalar = LEVEL) -> ir.Local:
    return ir.Local(name, of, LOC)


def compare(left: ir.Expr, op: str, right: ir.Expr) -> ir.Compare:
    return ir.Compare(op, left, right, BOOL, LOC)


def logic(left: ir.Expr, op: str, right: ir.Expr) -> ir.Logic:
    return ir.Logic(op, left, right, BOOL, LOC)


def negate(operand: ir.Expr) -> ir.Not:
    return ir.Not(operand, BOOL, LOC)


def add(left: ir.Expr, right: int) -> ir.Arith:
    of = left.type
    assert isinstance(of, IntType)
    op = "+" if right >= 0 else "-"
    return ir.Arith(op, left, const(abs(right)), IntType(of.lo + right, of.hi + right), LOC)


def is_some(operand: ir.Expr) -> ir.IsSome:
    return ir.IsSome(operand, BOOL, LOC)


def unwrap(operand: ir.Expr) -> ir.Unwrap:
    assert isinstance(operand.type, OptionalType)
    return ir.Unwrap(operand, operand.type.of, LOC)


def wrap(operand: ir.Expr, of: OptionalType = MAYBE) -> ir.Wrap:
    return ir.Wrap(operand, of, LOC)


def contains(mask: ir.Expr, element: ir.Expr) -> ir.Contains:
    return ir.Contains(mask, element, BOOL, LOC)


def edit(mask: ir.Expr, op: str, element: ir.Expr) -> ir.MaskEdit:
    return ir.MaskEdit(op, mask, element, MASK, LOC)


def mask_op(left: ir.Expr, op: str, right: ir.Expr) -> ir.MaskOp:
    return ir.MaskOp(op, left, right, MASK, LOC)


def pick(op: str, mask: ir.Expr) -> ir.MaskPick:
    return ir.MaskPick(op, mask, MAYBE, LOC)


def if_else(test: ir.Expr, then: ir.Expr, other: ir.Expr, of: Scalar) -> ir.IfElse:
    return ir.IfElse(test, then, other, of, LOC)


def quantified(op: str, var: str, over: IntType, body: ir.Expr) -> ir.Quantified:
    return ir.Quantified(op, var, over, body, BOOL, LOC)


def call(name: str, *args: ir.Expr | ir.Place, returns: Scalar) -> ir.Call:
    return ir.Call(name, args, returns, LOC)


def assign(name: str, value: ir.Expr, of: Scalar = LEVEL, *, check: bool = False) -> ir.Assign:
    return ir.Assign(name, value, of, check, LOC)


def bind(name: str, place: ir.Place) -> ir.Bind:
    return ir.Bind(name, place, LOC)


def store(place: ir.Place, value: ir.Expr, *, check: bool = False) -> ir.Store:
    return ir.Store(place, value, check, LOC)


def when(test: ir.Expr, *then: ir.Stmt, other: tuple[ir.Stmt, ...] = ()) -> ir.If:
    return ir.If(test, then, other, LOC)


def loop(var: str, over: IntType, *body: ir.Stmt) -> ir.For:
    return ir.For(var, over, body, LOC)


def returns(value: ir.Expr | None = None) -> ir.Return:
    return ir.Return(value, LOC)


def do(name: str, *args: ir.Expr | ir.Place) -> ir.Do:
    return ir.Do(name, args, LOC)


def require(test: ir.Expr) -> ir.Require:
    return ir.Require(test, LOC)


CONTINUE, BREAK = ir.Continue(LOC), ir.Break(LOC)
f, o, e = field(STATE, "f"), field(STATE, "o"), field(STATE, "e")
n0, n1 = field(row(const(0)), "n"), field(row(const(1)), "n")
m0, m1 = field(row(const(0)), "m"), field(row(const(1)), "m")
CHOICE_SWAP, CHOICE_COLOUR = ir.Choice("swap", BoolType(), LOC), ir.Choice("colour", COLOUR, LOC)
