"""What a model's steps depend on that speaks of all indices at once.

The quantified conditions, `require(not any(... for p in ...))`: where a step may be taken only if no row (or every row) is of
some kind, what the step keeps true can hardly be said without that condition. It is taken as it stands in the source, over
index variables instead of the function's own names. And the masks of which steps take the highest or the lowest member.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from checker.engine.facts import PARTS, reached, walk
from checker.language import ir
from checker.language.ir import Program
from model.finite import IntType, Type

Node = TypeVar("Node")


@dataclass(frozen=True)
class Guard:
    """free: the names that it does not bind itself, all of indices."""

    expr: ir.Quantified
    free: Mapping[str, IntType]


def quantified_guards(program: Program) -> Iterator[Guard]:
    """Each once, of the functions that steps come to. One that speaks of a record by a name of its own is left out: it says
    what no index variable can say."""
    seen = set[ir.Expr]()
    for function in reached(program.functions, [step.name for step in program.steps]):
        for required in walk(function.body):
            if isinstance(required, ir.Require):
                for expr in walk(required.test):
                    if isinstance(expr, ir.Quantified) and expr not in seen:
                        seen.add(expr)
                        free = _free(expr)
                        if free is not None:
                            yield Guard(expr, free)


def picked(program: Program) -> set[tuple[Type, str, str]]:
    """Of which fields (a record, and a name in it) the functions that steps come to take which member: "highest", "lowest"."""
    found = set[tuple[Type, str, str]]()
    for function in reached(program.functions, [step.name for step in program.steps]):
        for pick in walk(function.body):
            match pick:
                case ir.MaskPick(op=op, mask=ir.Load(place=ir.FieldOf(base=base, name=name))):
                    found.add((base.type, name, op))
                case _:
                    pass
    return found


def _free(expr: ir.Quantified) -> dict[str, IntType] | None:
    bound = {e.var for e in walk(expr) if isinstance(e, ir.Quantified)}
    found = dict[str, IntType]()
    for node in walk(expr):
        if isinstance(node, ir.Alias | ir.Before):
            return None
        if isinstance(node, ir.Local) and node.name not in bound:
            if not isinstance(node.type, IntType) or not node.type.index:
                return None
            found[node.name] = node.type
    return found


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """An expression with other names for its scalars, bound ones too."""
    if isinstance(node, tuple):
        return tuple(renamed(part, names) for part in node)  # type: ignore[return-value]
    if type(node) not in PARTS:
        return node
    changed: dict[str, object] = {part: renamed(getattr(node, part), names) for part in PARTS[type(node)]}
    if isinstance(node, ir.Local):
        changed["name"] = names.get(node.name, node.name)
    if isinstance(node, ir.Quantified):
        changed["var"] = names.get(node.var, node.var)
    return dataclasses.replace(node, **changed)  # type: ignore[type-var]
