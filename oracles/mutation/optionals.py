"""Optionals that are None: a mutant may ask one for its value, which the language forbids. Here that is a fault, never
undefined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checker.language import ir
from model.finite import EnumType, IntType, OptionalType
from oracles.mutation.operators import nodes


def helpers(functions: Iterable[ir.Function]) -> dict[str, ir.Function]:
    """The functions by which `asked_first` asks."""
    kinds = {n.operand.type for f in functions for n in nodes(f) if isinstance(n, ir.Unwrap)}
    return {_name(of): _helper(of) for of in sorted(kinds, key=str) if isinstance(of, OptionalType)}


def asked_first(node: Any) -> Any:
    """A node in which every `unwrap` is checked. For operators.mapped()."""
    if isinstance(node, ir.Unwrap) and isinstance(node.operand.type, OptionalType):
        return ir.Call(_name(node.operand.type), (node.operand,), node.type, node.loc)
    return node


def _name(of: OptionalType) -> str:
    return f"value_of_{of.of}"


def _helper(of: OptionalType) -> ir.Function:
    inner, loc = of.of, ir.Loc("", 0)
    assert isinstance(inner, IntType | EnumType)
    value = ir.Unwrap(ir.Local("optional", of, loc), inner, loc)
    body = (ir.Assign("value", value, inner, True, loc), ir.Return(ir.Local("value", inner, loc), loc))
    return ir.Function(_name(of), (ir.Param("optional", of),), inner, body, False, loc)
