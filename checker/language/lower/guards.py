"""`require` comes before the first write on every path, in a function and in what it calls."""

from __future__ import annotations

import ast

from checker.language import ir
from checker.language.ir import BOOL, Expr, Loc, Stmt
from checker.language.lower.context import Context
from checker.language.lower.convert import any_of
from checker.language.lower.expression import Expressions
from checker.language.refusal import Refused, a, place_of
from model.finite import MaskType, OptionalType

NOT_TAKEN_BACK = "what was written could not be taken back"


class Guards:
    """The guards and the writes of one function, as its statements are passed."""

    def __init__(self, context: Context, expressions: Expressions) -> None:
        self.ctx, self.expressions = context, expressions
        self.guard: Loc | None = None  # the first `require`
        self.wrote: Loc | None = None  # a write that may have happened before this point
        self.carried: Loc | None = None  # one that may have happened where a `continue` or `break` left the loop's body

    def require(self, call: ast.Call) -> tuple[Stmt, Expr]:
        """The guard that a require(...) is, and its value."""
        if len(call.args) != 1 or call.keywords:
            raise self.ctx.refuse(call, "require(...) takes one value")
        self.before(call, "`require`", self.ctx.loc(call))
        test = call.args[0]
        value, loc = self.expressions.scalar(test), self.ctx.loc(call)
        if isinstance(value.type, OptionalType):
            some = ir.IsSome(value, BOOL, loc)
            unwrapped = ir.Unwrap(value, value.type.of, value.loc)
            if isinstance(test, ast.Name):
                self.ctx.env = self.ctx.env.copy()
                self.ctx.env.values[test.id] = unwrapped
            return ir.Require(some, loc), unwrapped
        if value.type != BOOL:
            hint = f"write `{any_of(test)}`" if isinstance(value.type, MaskType) else "write a comparison"
            raise self.ctx.refuse(call, f"require(...) takes a bool or an optional; this is {a(value.type)}", hint)
        self.ctx.env = self.expressions.narrowed(test, truth=True)
        return ir.Require(value, loc), value

    def before(self, node: ast.AST, what: str, guard: Loc) -> None:
        """A guard is passed; raises Refused if a write may have come before it."""
        if self.ctx.pure:
            raise self.ctx.refuse(
                node,
                "`require` in a function that returns a value",
                "return an optional, and require the result in the step",
            )
        if self.wrote:
            hint, apart = "move every require before the first write", guard.file != self.ctx.file
            raise self.by_patch(node, guard, self.wrote, "after a write") or self.ctx.refuse(
                node,
                f"{what} after a write: {NOT_TAKEN_BACK}",
                f"{hint}; this one is in {place_of(guard, self.ctx.loc(node))}" if apart else hint,
            )
        self.guard = self.guard or guard

    def by_patch(self, node: ast.AST, guard: Loc, write: Loc, how: str) -> Refused | None:
        """A patch restated a function that this one calls, and a `require` comes after a write here: the patch is told."""
        here = self.ctx.loc(node)
        if self.ctx.linker.in_patch(here):
            return None
        name = self.ctx.name
        if self.ctx.linker.in_patch(guard):
            written = place_of(write, guard if write.file == guard.file else here)
            hint = f"{name}() runs this ({place_of(here, guard)}) {how} ({written}):"
            advice = f"write `if not ...: return` instead, or restate {name}(), too"
            return Refused(guard, f"`require` after a write of its caller: {NOT_TAKEN_BACK}", f"{hint} {advice}")
        if self.ctx.linker.in_patch(write):
            hint = f"{name}() runs this before its `require` ({place_of(guard, write)}): restate {name}(), too"
            return Refused(write, f"a write before a `require` of its caller: {NOT_TAKEN_BACK}", hint)
        return None

    def writes(self, node: ast.AST, inside: Loc | None = None) -> None:
        """The node writes; `inside` a function that it calls."""
        if self.ctx.pure:
            raise self.ctx.refuse(
                node, "this function returns a value, so it must not change state", "annotate it `-> None`"
            )
        self.wrote = self.wrote or inside or self.ctx.loc(node)
