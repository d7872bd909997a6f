"""Which changed functions are still functions of the language, and which are only another way to write one.

`why_ill_formed` asks of IR what the lowering asks of source. `normal` folds what cannot make a difference, so that
two mutants that are one (a condition that is always true, and the same condition dropped) are counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from checker.language import ir
from checker.language.ir import BOOL
from oracles.mutation.mutant_tree import Block, sites

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
ENDS = (ir.Return, ir.Continue, ir.Break)


class IllFormed(Exception):
    """The reason, as it is counted."""


def why_ill_formed(function: ir.Function, functions: Mapping[str, ir.Function]) -> str | None:
    """None if the language allows the function. `functions`: what it may call."""
    try:
        ends = _Flow(functions).block(function.body, {p.name for p in function.params}, False)[1]
    except IllFormed as refused:
        return str(refused)
    return "may end without a value" if function.returns is not None and not ends else None


def writes(node: Any, functions: Mapping[str, ir.Function]) -> bool:
    """May running the node (a function, a statement) change the state?"""
    code = [site.node for site in sites(node)] + [node]
    called = {n.function for n in code if isinstance(n, ir.Do)}
    return any(isinstance(n, ir.Store) for n in code) or any(writes(functions[f], functions) for f in called)


def guards(node: Any, functions: Mapping[str, ir.Function]) -> bool:
    """May running the node reach a Require?"""
    code = [site.node for site in sites(node)] + [node]
    called = {n.function for n in code if isinstance(n, ir.Do)}
    return any(isinstance(n, ir.Require) for n in code) or any(guards(functions[f], functions) for f in called)


class _Flow:
    """Walks along the paths of a function; every block answers (names that are set at its end, whether it ends)."""

    def __init__(self, functions: Mapping[str, ir.Function]) -> None:
        self.functions = functions
        self.wrote = False

    def block(self, block: Block, known: set[str], wrote: bool) -> tuple[set[str], bool]:
        known, self.wrote = set(known), wrote
        for stmt in block:
            if self.statement(stmt, known):
                return known, True
        return known, False

    def statement(self, stmt: ir.Stmt, known: set[str]) -> bool:
        """Checks one statement and adds the names that it sets; True if what follows is never reached."""
        match stmt:
            case ir.If():
                return self.branches(stmt, known)
            case ir.For(var, _, body):
                if any(guards(s, self.functions) for s in body) and any(writes(s, self.functions) for s in body):
                    raise IllFormed("requires after a write")
                before = self.wrote
                self.block(body, known | {var}, before)
                self.wrote = before or any(writes(s, self.functions) for s in body)
                return False
        self.names(stmt, known)
        if self.wrote and guards(stmt, self.functions):
            raise IllFormed("requires after a write")
        self.wrote = self.wrote or writes(stmt, self.functions)
        if isinstance(stmt, ir.Assign | ir.Bind):
            known.add(stmt.name)
        return isinstance(stmt, ENDS)

    def branches(self, stmt: ir.If, known: set[str]) -> bool:
        self.names(stmt.test, known)
        before = self.wrote
        then, then_ends = self.block(stmt.then, known, before)
        then_wrote = self.wrote
        other, other_ends = self.block(stmt.other, known, before)
        self.wrote = (then_wrote and not then_ends) or (self.wrote and not other_ends)
        known |= other if then_ends else then if other_ends else then & other
        return then_ends and other_ends

    def names(self, node: Any, known: set[str]) -> None:
        if isinstance(node, ir.Local | ir.Alias) and node.name not in known:
            raise IllFormed("uses a name before it is set")
        inner = known | {node.var} if isinstance(node, ir.Quantified) else known
        for part in fields(node):
            value = getattr(node, part.name)
            for one in value if isinstance(value, tuple) else (value,):
                if type(one).__module__ == ir.__name__ and not isinstance(one, ir.Loc):
                    self.names(one, inner)


# --- one way to write what is the same ---


def normal(function: ir.Function) -> ir.Function:
    """The function with constant conditions folded and unreachable statements left out."""
    body = _block(function.body)
    if function.returns is None:  # a `return` at the very end says nothing
        body = _without_last(body, ir.Return)
    return replace(function, body=body)


def _without_last(block: Block, kind: type) -> Block:
    """The block without a last statement of a kind, also at the ends of a last `if`."""
    if not block:
        return block
    *before, last = block
    if isinstance(last, kind):
        return _without_last(tuple(before), kind)
    if isinstance(last, ir.If):
        then, other = _without_last(last.then, kind), _without_last(last.other, kind)
        if (then, other) != (last.then, last.other):
            return _block((*before, replace(last, then=then, other=other)))
    return block


def _block(block: Block) -> Block:
    out: list[ir.Stmt] = []
    for stmt in block:
        out += _statement(stmt)
        if out and isinstance(out[-1], ENDS):
            break
    return tuple(out)


def _statement(stmt: ir.Stmt) -> Block:
    match stmt:
        case ir.If(test, then, other):
            test, then, other = folded(test), _block(then), _block(other)
            if isinstance(test, ir.Const):
                return then if test.code else other
            if isinstance(test, ir.Not) and other:
                test, then, other = test.operand, other, then
            return (replace(stmt, test=test, then=then, other=other),) if then or other else ()
        case ir.For(body=body):
            inner = _without_last(_block(body), ir.Continue)
            return (replace(stmt, body=inner),) if inner else ()
        case ir.Require(test):
            test = folded(test)
            return () if isinstance(test, ir.Const) and test.code else (replace(stmt, test=test),)
        case _:
            return (folded(stmt),)


def folded(node: Any) -> Any:
    """An expression (or what holds one) with double negations and constant operands gone."""
    changes: dict[str, Any] = {}
    for part in fields(node):
        value = getattr(node, part.name)
        if isinstance(value, tuple):
            changes[part.name] = tuple(folded(v) if type(v).__module__ == ir.__name__ else v for v in value)
        elif type(value).__module__ == ir.__name__ and not isinstance(value, ir.Loc):
            changes[part.name] = folded(value)
    new = replace(node, **changes) if changes else node
    match new:
        case ir.Not(ir.Not(inner)):
            return inner
        case ir.Not(ir.Compare(op=op) as compare):
            return replace(compare, op=OPPOSITE[op])
        case ir.Not(ir.Const(code=code)):
            return ir.Const(1 - code, BOOL, new.loc)
        case ir.Logic(op, left, right):
            return _logic(new, op, left, right)
        case ir.IfElse(ir.Const(code=code), then, other):
            return then if code else other
        case ir.IfElse(ir.Not(test), then, other):
            return replace(new, test=test, then=other, other=then)
        case _:
            return new


def _logic(node: ir.Logic, op: str, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    neutral = 1 if op == "and" else 0
    for one, other in ((left, right), (right, left)):
        if isinstance(one, ir.Const):
            return other if one.code == neutral else ir.Const(1 - neutral, BOOL, node.loc)
    return node
