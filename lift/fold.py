"""Conditions as one would write them: no double negations, no constants in them."""

from __future__ import annotations

import ast
from types import UnionType

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def folded(condition: str) -> str:
    return ast.unparse(_fold(ast.parse(condition, mode="eval").body))


def _fold(node: ast.expr) -> ast.expr:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _negated(_fold(operand))
        case ast.BoolOp(op=op, values=values):
            return _joined(op, [_fold(v) for v in values])
        case _:
            return node


def _negated(node: ast.expr) -> ast.expr:
    match node:
        case ast.Constant(value=bool(value)):
            return ast.Constant(not value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[op], comparators=right) if type(op) in _FLIPPED:
            return ast.Compare(left, [_FLIPPED[type(op)]()], right)
        case _:
            return ast.UnaryOp(ast.Not(), node)


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    """`and` ends at False, `or` at True; what stands behind that is not reached."""
    ending, kept = isinstance(op, ast.Or), list[ast.expr]()
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            if value.value is ending:
                kept.append(value)
                break
            continue
        kept += value.values if isinstance(value, ast.BoolOp) and type(value.op) is type(op) else [value]
    if kept and isinstance(kept[-1], ast.Constant) and kept[-1].value is ending:
        return kept[-1]  # conditions of the model change nothing
    if not kept:
        return ast.Constant(not ending)
    return kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)


def operand(text: str) -> str:
    """An expression as it may stand beside `==` and its like: what binds no tighter is in brackets. C binds otherwise:
    `(a == b) != c` is no chain."""
    return _bracketed(text, ast.Compare | ast.BoolOp | ast.IfExp | ast.UnaryOp)


def arm(text: str) -> str:
    """An expression as it may stand before `if` and between that and `else`."""
    return _bracketed(text, ast.IfExp)


def _bracketed(text: str, kinds: type | UnionType) -> str:
    return f"({text})" if isinstance(ast.parse(text, mode="eval").body, kinds) else text
