"""Expressions of the IR, built with what is known of their operands: what is constant is worked out at once."""

from __future__ import annotations

import operator
from collections.abc import Callable

from checker.language.ir import (
    BOOL,
    Arith,
    Compare,
    Const,
    Contains,
    Expr,
    IfElse,
    IsSome,
    Loc,
    Logic,
    MaskPick,
    Not,
    Unwrap,
    Wrap,
)
from model.finite import EnumType, IntType, MaskType, OptionalType, Scalar

NOWHERE = Loc("", 0)
TRUE, FALSE = Const(1, BOOL, NOWHERE), Const(0, BOOL, NOWHERE)
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def truth(value: bool) -> Const:
    return TRUE if value else FALSE


def number(value: int) -> Const:
    return Const(value, IntType(value, value), NOWHERE)


def known(e: Expr) -> int | None:
    """The code of a constant."""
    return e.code if isinstance(e, Const) else None


def negation(e: Expr) -> Expr:
    match e:
        case Const(code):
            return truth(not code)
        case Not(operand):
            return operand
        case Compare(op, left, right):
            return Compare(OPPOSITE[op], left, right, BOOL, e.loc)
        case IsSome(operand):
            return Compare("==", operand, Const(0, operand.type, e.loc), BOOL, e.loc)
        case _:
            return Not(e, BOOL, e.loc)


def both(left: Expr, right: Expr) -> Expr:
    """`right` is evaluated only where `left` holds."""
    if (code := known(left)) is not None:
        return right if code else FALSE
    if known(right) == 1 or left == right:
        return left
    return FALSE if known(right) == 0 else Logic("and", left, right, BOOL, left.loc)


def either(left: Expr, right: Expr) -> Expr:
    """`right` is evaluated only where `left` does not hold."""
    if (code := known(left)) is not None:
        return TRUE if code else right
    if known(right) == 0 or left == right:
        return left
    return TRUE if known(right) == 1 else Logic("or", left, right, BOOL, left.loc)


def choose(test: Expr, then: Expr, other: Expr) -> Expr:
    """`then` if test else `other`. What the branches have in common is written once: else a loop that tests and
    goes on doubles with each turn."""
    if (code := known(test)) is not None:
        return then if code else other
    if then == other:
        return then
    if isinstance(test, Not):
        return choose(test.operand, other, then)
    if then.type == BOOL:
        if known(then) is not None:
            return either(test, other) if known(then) else both(negation(test), other)
        if known(other) is not None:
            return either(negation(test), then) if known(other) else both(test, then)
    match then, other:
        case IfElse(inner, one, two), _ if two == other:
            return choose(both(test, inner), one, other)
        case IfElse(inner, one, two), _ if one == other:
            return choose(both(test, negation(inner)), two, other)
        case _, IfElse(inner, one, two) if one == then:
            return choose(either(test, inner), then, two)
        case _, IfElse(inner, one, two) if two == then:
            return choose(either(test, negation(inner)), then, one)
        case _:
            return IfElse(test, then, other, _joined(then.type, other.type), test.loc)


def _joined(one: Scalar, other: Scalar) -> Scalar:
    """A type that holds the values of both."""
    match one, other:
        case IntType(lo, hi), IntType(least, most):
            return IntType(min(lo, least), max(hi, most))
        case OptionalType(IntType() as a), OptionalType(IntType() as b):
            return OptionalType(IntType(min(a.lo, b.lo), max(a.hi, b.hi)))
        case MaskType(a), MaskType(b):
            return one if a.hi >= b.hi else other
        case _:
            return one


def compare(op: str, left: Expr, right: Expr) -> Expr:
    a, b = known(left), known(right)
    if a is not None and b is not None:
        return truth(OPERATORS[op](a, b))
    if left == right:
        return truth(op in ("==", "<=", ">="))
    return Compare(op, left, right, BOOL, left.loc)


def arithmetic(op: str, left: Expr, right: Expr, of: IntType) -> Expr:
    a, b = known(left), known(right)
    if a is not None and b is not None:
        return Const(a + b if op == "+" else a - b, of, left.loc)
    return Arith(op, left, right, of, left.loc)


def is_some(operand: Expr) -> Expr:
    if (code := known(operand)) is not None:
        return truth(code != 0)
    if isinstance(operand, MaskPick):
        return compare("!=", operand.mask, Const(0, operand.mask.type, operand.loc))
    return TRUE if isinstance(operand, Wrap) else IsSome(operand, BOOL, operand.loc)


def unwrapped(e: Unwrap, operand: Expr) -> Expr:
    match operand:
        case Const(code):
            return Const(code - 1, e.type, e.loc)
        case Wrap(inner):
            return inner
        case _:
            return Unwrap(operand, e.type, e.loc)


def wrapped(operand: Expr, of: OptionalType, loc: Loc) -> Expr:
    code = known(operand)
    return Wrap(operand, of, loc) if code is None else Const(code + 1, of, loc)


def contains(mask: Expr, element: Expr) -> Expr:
    bits, at = known(mask), known(element)
    if bits == 0:
        return FALSE
    if bits is not None and at is not None:
        return truth(at >= 0 and bool(bits >> at & 1))
    return Contains(mask, element, BOOL, mask.loc)


def within(value: Expr, low: int, high: int) -> Expr:
    """What its type says is not asked."""
    of = value.type
    least, most = (of.lo, of.hi) if isinstance(of, IntType) else (None, None)
    above = TRUE if least is not None and least >= low else compare(">=", value, number(low))
    below = TRUE if most is not None and most <= high else compare("<=", value, number(high))
    return both(above, below)


def fits_plainly(value: Expr, of: IntType | EnumType | OptionalType | MaskType) -> Expr:
    """The value, which no part of it tells more of, is one of the type's codes."""
    match of:
        case IntType(lo, hi):
            return within(value, lo, hi)
        case EnumType():
            return within(value, 0, len(of.members) - 1)
        case OptionalType(inner):
            lo, hi = (inner.lo, inner.hi) if isinstance(inner, IntType) else (0, len(inner.members) - 1)
            return either(compare("==", value, number(0)), within(value, 1 + lo, 1 + hi))
        case MaskType(inner):
            # A mask has no bit below zero; what its own type cannot hold is not asked.
            own = value.type
            smaller = isinstance(own, MaskType) and own.of.hi <= inner.hi
            return TRUE if smaller else compare("<=", value, number((1 << (inner.hi + 1)) - 1))
