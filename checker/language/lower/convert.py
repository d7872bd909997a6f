"""A value as one of the type that is needed where it stands, or why it is none."""

from __future__ import annotations

import ast
import enum

from checker.language import ir
from checker.language.c_habits import number_hint
from checker.language.classes import check_enum
from checker.language.ir import BOOL, Expr, Place
from checker.language.lower.checks import LARGEST
from checker.language.lower.context import Context, NoneValue, PlaceTypes, Value
from checker.language.refusal import Refused, a
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType


def constant(ctx: Context, value: object, node: ast.AST) -> Expr:
    if isinstance(value, enum.Enum):
        check_enum(type(value))
        of = EnumType(type(value))
        return ir.Const(of.members.index(value), of, ctx.loc(node))
    if type(value) is bool:
        return ir.Const(int(value), BOOL, ctx.loc(node))
    if type(value) is int:
        if abs(value) > LARGEST:
            raise ctx.refuse(node, "this number is too large", f"numbers go to {LARGEST:#x}")
        return ir.Const(value, IntType(value, value), ctx.loc(node))
    raise ctx.refuse(node, f"{value!r} is not a value of the language", "use a bool, a whole number or an Enum member")


def load(ctx: Context, value: Expr | Place, node: ast.AST) -> Expr:
    if not isinstance(value, PlaceTypes):
        return value
    if isinstance(value.type, StructType | TableType):
        of = "the whole system" if isinstance(value, ir.State | ir.Before) else a(value.type)
        hint = "name one of its rows" if isinstance(value.type, TableType) else "name one of its fields"
        raise ctx.refuse(node, f"this is {of}, not a single value", hint)
    return ir.Load(value, value.type, ctx.loc(node))


def any_of(mask: ast.expr) -> str:
    """How one asks whether anything is in it."""
    text = ast.unparse(mask)
    whole = text if isinstance(mask, ast.Name | ast.Attribute | ast.Subscript | ast.Call) else f"({text})"
    return f"{whole}.highest() is not None"


def as_bool(ctx: Context, value: Expr, node: ast.expr) -> Expr:
    if isinstance(value.type, BoolType):
        return value
    text = ast.unparse(node)
    match value.type:
        case MaskType():
            raise ctx.refuse(node, f"this is {a(value.type)}, not a bool", f"write `{any_of(node)}`")
        case OptionalType():
            raise ctx.refuse(
                node, "an optional is not a condition: 0 would count as absent", f"write `{text} is not None`"
            )
        case IntType():
            hint = number_hint(value.type, BOOL) if isinstance(node, ast.Constant) else ""
            raise ctx.refuse(
                node, f"{a(value.type)} is not a condition", hint or f"write a comparison, e.g. `{text} != 0`"
            )
        case of:
            raise ctx.refuse(node, f"{a(of)} is not a condition", f"write a comparison: `{text} == ...`")


def coerce(ctx: Context, value: Value, target: Scalar, node: ast.AST) -> tuple[Expr, bool]:
    """The value as one of `target`, and whether its range must be checked at run time."""
    loc = ctx.loc(node)
    if isinstance(value, NoneValue):
        if isinstance(target, OptionalType):
            return ir.Const(0, target, loc), False
        raise ctx.refuse(node, f"None is stored where {a(target)} is needed", "declare it optional: `X | None`")
    value = load(ctx, value, node)
    match target, value.type:
        case IntType(), IntType():
            return value, outside(ctx, value.type, target, node)
        case OptionalType(of=IntType()), IntType(lo=-1, hi=-1):
            raise ctx.refuse(node, f"this is the number -1, and {a(target)} is needed", "write None")
        case OptionalType(of=of), IntType() | EnumType():
            inner, check = coerce(ctx, value, of, node)
            return ir.Wrap(inner, target, loc), check
        case OptionalType(of=IntType() as of), OptionalType(of=IntType() as given):
            return value, outside(ctx, given, of, node)
        case ((IntType() | EnumType()), OptionalType(of=of)) if type(of) is type(target):
            raise may_be_none(ctx, node)
        case _ if target == value.type:
            return value, False
    hint = (
        f"write `{ast.unparse(node)}.highest() is not None`"
        if (target, type(value.type)) == (BOOL, MaskType)
        else number_hint(value.type, target)
    )
    raise ctx.refuse(node, f"this is {a(value.type)}, and {a(target)} is needed", hint)


def outside(ctx: Context, given: IntType, target: IntType, node: ast.AST) -> bool:
    """May the value lie outside the range? Indices of different things are refused."""
    if given.index and target.index and given.index != target.index:
        raise ctx.refuse(node, f"this is an index of {given.index}, and an index of {target.index} is needed")
    return not (target.lo <= given.lo and given.hi <= target.hi)


def optional(ctx: Context, of: IntType | EnumType, node: ast.AST) -> OptionalType:
    """`of | None`; a number below zero would be taken for None."""
    if isinstance(of, IntType) and of.lo < 0:
        none = "write `is None` or `is not None`: -1 is no index" if of.lo == of.hi == -1 else ""
        hint = none or "test for None first, by itself"
        raise ctx.refuse(node, "a number that may be below zero is mixed with None", hint)
    return OptionalType(of)


def may_be_none(ctx: Context, node: ast.AST, what: str = "this") -> Refused:
    """A value that is used although it may be None."""
    text = ast.unparse(node)
    if isinstance(node, ast.Name):
        return ctx.refuse(node, f"{what} may be None here", f"test `{text} is not None` first, or require({text})")
    return ctx.refuse(node, f"{what} may be None here", f"give it a name first: x = {text}; then test `x is not None`")


def by_loop(node: ast.AST) -> str:
    """How to use a number that may be no index."""
    return f"look for it in a loop: for i in ...: if i == {ast.unparse(node)}:"
