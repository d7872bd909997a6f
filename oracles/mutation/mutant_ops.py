"""The one-change operators: what can be wrong with one node, or with two statements that follow each other.

An operator sees a Site of a function and yields (name of the operator, what was done, the changed function). Nothing
here knows what a model is about. Indices count round (the one after the last is the first), so that an index off by
one is still an index; where there is one index only, there is no other, and no mutant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, TypeAlias

from checker.language import ir
from checker.language.ir import BOOL
from checker.language.text import expr_text, place_text
from checker.language.text import function_text as _text_of
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type, size
from oracles.mutation.mutant_check import OPPOSITE
from oracles.mutation.mutant_tree import Site, block_at, put, put_block

Change: TypeAlias = tuple[str, str, ir.Function | None]  # None: a value out of its range
Replacement: TypeAlias = tuple[str, str, Any]  # operator, what, the new node (None as above)
OTHER_COMPARE = {"==": ("!=",), "!=": ("==",), "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<=")}
OTHER_OP = {"and": "or", "or": "and", "with": "without", "without": "with", "highest": "lowest", "lowest": "highest",
            "any": "all", "all": "any", "+": "-", "|": "&", "&": "|"}  # fmt: skip
EDITED = {"with": "add", "without": "discard"}
Functions: TypeAlias = Mapping[str, ir.Function]


def changes(function: ir.Function, site: Site, functions: Functions) -> Iterator[Change]:
    """Every change of one node; also those that the language does not allow."""
    if isinstance(site.node, ir.Stmt):
        yield from _statements(function, site)
    for operator in OPERATORS:
        for name, what, new in operator(function, site, functions):
            yield name, what, None if new is None else put(function, site.path, new)


# --- statements ---


def _statements(function: ir.Function, site: Site) -> Iterator[Change]:
    here, stmt = site.path[-1][1], site.node
    block = block_at(function, site.path)
    assert here is not None
    dropped = put_block(function, site.path, (*block[:here], *block[here + 1 :]))
    yield "dropped", f"dropped: {line_of(stmt)}", dropped
    if here + 1 < len(block):
        after = block[here + 1]
        swapped = (*block[:here], after, stmt, *block[here + 2 :])
        yield "order", f"swapped: {line_of(stmt)} | {line_of(after)}", put_block(function, site.path, swapped)


def line_of(stmt: ir.Stmt) -> str:
    """The first line of a statement."""
    shown = ir.Function("f", (), None, (stmt,), False, stmt.loc)
    return _text_of(shown).splitlines()[1].strip()


def _loops(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    match site.node:
        case ir.For(var, IntType(lo, hi) as over) if hi > lo:
            yield (
                "loop=skips first",
                f"the loop over {var} skips the first",
                replace(site.node, over=replace(over, lo=lo + 1)),
            )
            yield (
                "loop=skips last",
                f"the loop over {var} skips the last",
                replace(site.node, over=replace(over, hi=hi - 1)),
            )
        case _:
            pass


# --- conditions ---


def _conditions(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    """A whole condition (or a bool that is stored or returned) that is always true, always false."""
    holder = isinstance(site.parent, ir.If | ir.Require | ir.IfElse) and site.field == "test"
    value = isinstance(site.parent, ir.Store | ir.Return) and site.field == "value"
    if (holder or value) and isinstance(site.node.type, BoolType) and not isinstance(site.node, ir.Const):
        for code in (1, 0):
            yield (
                f"condition={bool(code)}",
                f"{expr_text(site.node)} -> {bool(code)}",
                ir.Const(code, BOOL, site.node.loc),
            )


def _negations(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    e = site.node
    if isinstance(e, ir.Expr) and isinstance(e.type, BoolType) and not isinstance(e, ir.Const | ir.Not):
        if isinstance(e, ir.Logic) and isinstance(site.parent, ir.Logic) and site.parent.op == e.op:
            return  # a part of a longer chain: its members are negated one by one
        yield "negated", f"negated: {expr_text(e)}", ir.Not(e, BOOL, e.loc)


def _logic(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    match site.node:
        case ir.Logic(op, left, right) as e:
            yield f"logic={OTHER_OP[op]}", f"{expr_text(e)}: {op} -> {OTHER_OP[op]}", replace(e, op=OTHER_OP[op])
            yield "operand dropped=left", f"{expr_text(e)}: left operand dropped", right
            yield "operand dropped=right", f"{expr_text(e)}: right operand dropped", left
        case ir.Compare(op) as e:
            for other in (*OTHER_COMPARE[op], OPPOSITE[op]):
                if other in ("<", ">", "<=", ">=") and not isinstance(e.left.type, IntType):
                    continue
                yield f"compare={other}", f"{expr_text(e)}: {op} -> {other}", replace(e, op=other)
        case ir.Quantified(op) as e:
            yield f"quantifier={OTHER_OP[op]}", f"{expr_text(e)}: {op} -> {OTHER_OP[op]}", replace(e, op=OTHER_OP[op])
        case _:
            pass


# --- values ---


def _masks_and_sums(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    match site.node:
        case ir.MaskEdit(op) as e:
            new = replace(e, op=OTHER_OP[op])
            yield f"mask={EDITED[OTHER_OP[op]]}", f"{expr_text(e)}: {EDITED[op]} -> {EDITED[OTHER_OP[op]]}", new
        case ir.MaskPick(op) as e:
            yield f"pick={OTHER_OP[op]}", f"{expr_text(e)}: {op} -> {OTHER_OP[op]}", replace(e, op=OTHER_OP[op])
        case ir.MaskOp("-", left, right) as e:
            yield "operands swapped", f"{expr_text(e)}: operands swapped", replace(e, left=right, right=left)
        case ir.MaskOp(op) as e:
            yield f"mask={OTHER_OP[op]}", f"{expr_text(e)}: {op} -> {OTHER_OP[op]}", replace(e, op=OTHER_OP[op])
        case ir.Arith("+", left, right, IntType() as of) as e:
            less = _difference(left.type, right.type)
            if less is not None:
                kept = replace(e, op="-") if of.lo <= less.lo and less.hi <= of.hi else None
                yield "arithmetic=-", f"{expr_text(e)}: + -> -", kept
        case _:
            pass


def _difference(left: Scalar, right: Scalar) -> IntType | None:
    if isinstance(left, IntType) and isinstance(right, IntType):
        return IntType(left.lo - right.hi, left.hi - right.lo)
    return None


def _constants(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    if not isinstance(site.node, ir.Const):
        return
    const: ir.Const = site.node
    for code in _other_codes(const):
        in_range, of = True, const.type
        if isinstance(of, IntType):
            room = room_of(function, site, functions)
            in_range = room is not None and room.lo <= code <= room.hi
            of = IntType(code, code, of.index) if of.lo == of.hi else of
        new = ir.Const(code, of, const.loc)
        text = expr_text(new) if in_range else str(code)
        yield f"constant={text}", f"{expr_text(const)} -> {text}", new if in_range else None


def _other_codes(const: ir.Const) -> list[int]:
    """A bool flipped, the next and the previous member of an enum, an int off by one, None <-> the first value."""
    match const.type:
        case BoolType():
            return [1 - const.code]
        case EnumType(cls):
            return sorted({(const.code + by) % len(cls) for by in (1, -1)} - {const.code})
        case IntType():
            return [const.code + 1, const.code - 1]
        case OptionalType():
            return [0 if const.code else 1]
        case MaskType() as of:
            return [size(of) - 1 - const.code]


def room_of(function: ir.Function, site: Site, functions: Functions) -> IntType | None:
    """The values that an int may have where the site is."""
    of: Type | None = None
    match site.parent:
        case ir.RowOf() as row:
            of = ir.table_of(row).index
        case ir.Store(place=place):
            of = place.type
        case ir.Assign(type=kind) | ir.IfElse(type=kind):
            of = kind
        case ir.Wrap(type=OptionalType(inner)):
            of = inner
        case ir.MaskEdit(mask=mask) | ir.Contains(mask=mask) if isinstance(mask.type, MaskType):
            of = mask.type.of
        case ir.Compare(left=left, right=right):
            of = right.type if site.field == "left" else left.type
        case ir.Return():
            of = function.returns
        case ir.Call(function=callee) | ir.Do(function=callee) if site.index is not None:
            of = functions[callee].params[site.index].type
        case _:
            pass
    return of if isinstance(of, IntType) else None


def _indices(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    """The next index instead of this one; after the last comes the first."""
    e = site.node
    match e:
        case (
            ir.Local(type=IntType(lo, hi) as of)
            | ir.Load(type=IntType(lo, hi) as of)
            | ir.Unwrap(type=IntType(lo, hi) as of)
        ) if hi > lo:
            one = ir.Const(1, IntType(1, 1), e.loc)
            last = ir.Compare("==", e, ir.Const(hi, IntType(hi, hi), e.loc), BOOL, e.loc)
            following = ir.IfElse(last, ir.Const(lo, of, e.loc), ir.Arith("+", e, one, of, e.loc), of, e.loc)
            yield "off by one", f"off by one: {expr_text(e)}", following
        case _:
            pass


def _arguments(function: ir.Function, site: Site, functions: Functions) -> Iterator[Replacement]:
    if isinstance(site.node, ir.Call | ir.Do):
        args = site.node.args
        for i, k in combinations(range(len(args)), 2):
            x, y = args[i], args[k]
            if _kind(x.type) != _kind(y.type) or _argument_text(x) == _argument_text(y):
                continue
            new = (*args[:i], y, *args[i + 1 : k], x, *args[k + 1 :])
            what = f"{site.node.function}(): arguments {_argument_text(x)} and {_argument_text(y)} swapped"
            yield f"arguments {i} and {k}", what, replace(site.node, args=new)


def _kind(of: Type) -> Any:
    return of if isinstance(of, StructType | TableType) else str(of)


def _argument_text(arg: ir.Expr | ir.Place) -> str:
    return place_text(arg) if isinstance(arg, ir.Place) else expr_text(arg)


Operator: TypeAlias = Callable[[ir.Function, Site, Functions], Iterator[Replacement]]
OPERATORS: tuple[Operator, ...] = (
    _loops, _conditions, _negations, _logic, _masks_and_sums, _constants, _indices, _arguments,
)  # fmt: skip
