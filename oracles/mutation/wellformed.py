"""Which changed functions are still functions of the language, and which are only another way to write one.

`WellFormed` asks of IR what the lowering asks of source. `normal` folds what cannot make a difference, so that two
mutants that are one (a condition that is always true, and the same condition dropped) are counted once.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Any, TypeAlias

from checker.language import ir
from checker.language.ir import BOOL
from oracles.mutation.operators import OPPOSITE, Functions, Node, children, mapped, nodes

Block: TypeAlias = tuple[ir.Stmt, ...]
ENDS = (ir.Return, ir.Continue, ir.Break)


class IllFormed(Exception):
    """The reason, as it is counted."""


class WellFormed:
    """Spelling are set before they are used; a Require comes before the first write; what has a value ends with one."""

    def __init__(self, functions: Functions) -> None:
        """`functions`: what may be called, callees first."""
        self.functions = functions
        self.writers: set[str] = set()
        for name, function in functions.items():
            if self._writes(function):
                self.writers.add(name)

    def why_not(self, function: ir.Function) -> str | None:
        """None if the language allows the function."""
        try:
            *_, ends = self._block(function.body, {p.name for p in function.params}, False)
        except IllFormed as refused:
            return str(refused)
        return "may end without a value" if function.returns is not None and not ends else None

    def _writes(self, node: Node | ir.Function) -> bool:
        """May running the node (a function, a statement) change the state?"""
        return any(
            isinstance(n, ir.Store) or (isinstance(n, ir.Do) and n.function in self.writers) for n in nodes(node)
        )

    def _guards(self, node: Node) -> bool:
        """May running the node reach a Require?"""
        calls = (n.function for n in nodes(node) if isinstance(n, ir.Do))
        return any(isinstance(n, ir.Require) for n in nodes(node)) or any(self.functions[f].guards for f in calls)

    def _block(self, block: Block, known: Set[str], wrote: bool) -> tuple[Set[str], bool, bool]:
        """(names that are set at its end, whether something was written by then, whether it ends the path)."""
        for stmt in block:
            known, wrote, ends = self._statement(stmt, known, wrote)
            if ends:
                return known, wrote, True
        return known, wrote, False

    def _statement(self, stmt: ir.Stmt, known: Set[str], wrote: bool) -> tuple[Set[str], bool, bool]:
        match stmt:
            case ir.If(test, then, other):
                self._names(test, known)
                in_then, then_wrote, then_ends = self._block(then, known, wrote)
                in_other, other_wrote, other_ends = self._block(other, known, wrote)
                after = in_other if then_ends else in_then if other_ends else in_then & in_other
                wrote = (then_wrote and not then_ends) or (other_wrote and not other_ends)
                return after, wrote, then_ends and other_ends
            case ir.For(var, _, body):
                writes = any(map(self._writes, body))
                if writes and any(map(self._guards, body)):
                    raise IllFormed("requires after a write")
                self._block(body, known | {var}, wrote)
                return known, wrote or writes, False
        self._names(stmt, known)
        if wrote and self._guards(stmt):
            raise IllFormed("requires after a write")
        after = known | {stmt.name} if isinstance(stmt, ir.Assign | ir.Bind) else known
        return after, wrote or self._writes(stmt), isinstance(stmt, ENDS)

    def _names(self, node: Node, known: Set[str]) -> None:
        if isinstance(node, ir.Local | ir.Alias) and node.name not in known:
            raise IllFormed("uses a name before it is set")
        inner = known | {node.var} if isinstance(node, ir.Quantified) else known
        for _, _, child in children(node):
            self._names(child, inner)


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
            test, then, other = mapped(test, _folded), _block(then), _block(other)
            if isinstance(test, ir.Const):
                return then if test.code else other
            if isinstance(test, ir.Not) and other:
                test, then, other = test.operand, other, then
            return (replace(stmt, test=test, then=then, other=other),) if then or other else ()
        case ir.For(body=body):
            inner = _without_last(_block(body), ir.Continue)
            return (replace(stmt, body=inner),) if inner else ()
        case ir.Require(test):
            test = mapped(test, _folded)
            return () if isinstance(test, ir.Const) and test.code else (replace(stmt, test=test),)
        case _:
            return (mapped(stmt, _folded),)


def _folded(node: Any) -> Any:
    """A node whose parts are folded, without a double negation or a constant operand."""
    match node:
        case ir.Not(ir.Not(inner)):
            return inner
        case ir.Not(ir.Compare(op=op) as compare):
            return replace(compare, op=OPPOSITE[op])
        case ir.Not(ir.Const(code=code)):
            return ir.Const(1 - code, BOOL, node.loc)
        case ir.Logic(op, left, right):
            neutral = 1 if op == "and" else 0
            for one, other in ((left, right), (right, left)):
                if isinstance(one, ir.Const):
                    return other if one.code == neutral else ir.Const(1 - neutral, BOOL, node.loc)
            return node
        case ir.IfElse(ir.Const(code=code), then, other):
            return then if code else other
        case ir.IfElse(ir.Not(test), then, other):
            return replace(node, test=test, then=other, other=then)
        case _:
            return node
