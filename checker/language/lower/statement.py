"""Statements: Python AST -> typed IR. Start reading at `Statements.block`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from checker.language import ir
from checker.language.c_habits import increment_hint
from checker.language.ir import BOOL, Expr, Place, Stmt
from checker.language.lower.context import Context, Env, PlaceTypes, Signature
from checker.language.lower.convert import coerce
from checker.language.lower.expression import Expressions
from checker.language.lower.guards import Guards
from checker.language.lower.store import Stores
from checker.language.refusal import a, did_you_mean
from model.finite import MaskType

Lowered = tuple[list[Stmt], bool]  # statements, and whether the next line is never reached


class Statements:
    """The statements of one function."""

    def __init__(self, context: Context) -> None:
        self.ctx = context
        self.expressions = Expressions(context)
        self.guards = Guards(context, self.expressions)
        self.stores = Stores(context, self.expressions, self.guards)

    def block(self, nodes: Sequence[ast.stmt]) -> Lowered:
        """The statements, and whether the end of the block is never reached."""
        out = list[Stmt]()
        for number, node in enumerate(nodes):
            if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                continue
            lowered, ends = self._statement(node)
            out += lowered
            if ends:
                hidden = next((n for n in nodes[number:] if isinstance(n, ast.FunctionDef | ast.ClassDef)), None)
                if hidden is not None:  # a method that is indented too far would be passed over in silence
                    raise self.ctx.unsupported(hidden)
                return out, True
        return out, False

    def _statement(self, node: ast.stmt) -> Lowered:
        match node:
            case ast.Assign():
                return self.stores.assign(node), False
            case ast.AnnAssign():
                return self.stores.declare(node), False
            case ast.AugAssign():
                return self.stores.augment(node), False
            case ast.If():
                return self._if(node)
            case ast.For():
                return self._for(node)
            case ast.Continue() | ast.Break():
                self.guards.carried = self.guards.carried or self.guards.wrote
                return [(ir.Continue if isinstance(node, ast.Continue) else ir.Break)(self.ctx.loc(node))], True
            case ast.Return():
                return [ir.Return(self._returned(node), self.ctx.loc(node))], True
            case ast.Expr():
                return self._expression(node), False
            case _:
                raise self.ctx.unsupported(node)

    def _if(self, node: ast.If) -> Lowered:
        test, before, wrote = self.expressions.condition(node.test), self.ctx.env, self.guards.wrote
        self.ctx.env = self.expressions.narrowed(node.test, truth=True)
        then, then_ends = self.block(node.body)
        then_env, then_wrote = self.ctx.env, self.guards.wrote
        self.ctx.env, self.guards.wrote = before, wrote
        self.ctx.env = self.expressions.narrowed(node.test, truth=False)
        other, other_ends = self.block(node.orelse)
        self.ctx.env = self._joined(then_env, then_ends, self.ctx.env, other_ends)
        self.guards.wrote = (None if then_ends else then_wrote) or (None if other_ends else self.guards.wrote)
        return [ir.If(test, tuple(then), tuple(other), self.ctx.loc(node))], then_ends and other_ends

    def _joined(self, x: Env, x_ends: bool, y: Env, y_ends: bool) -> Env:
        """What is known after an `if`, from what is known at the ends of its branches."""
        if x_ends or y_ends:
            return y if x_ends else x
        joined = Env(maybe_unset=x.maybe_unset | y.maybe_unset)
        for name in {*x.values, *y.values}:
            one, two = x.values.get(name), y.values.get(name)
            if one is None or two is None:
                joined.maybe_unset.add(name)
            elif one == two:
                joined.values[name] = one
            elif name in self.ctx.locals:
                joined.values[name] = ir.Local(name, self.ctx.locals[name], getattr(one, "loc", ir.Loc("", 0)))
            else:
                joined.maybe_unset.add(name)  # records of two kinds under one name
        return joined

    # --- loops ---

    def _for(self, node: ast.For) -> Lowered:
        if node.orelse:
            raise self.ctx.refuse(node.orelse[0], "`else` on a loop is not in the language", "put it after the loop")
        prologue, before, indices = list[Stmt](), self.ctx.env, set(self.ctx.indices)
        self.ctx.env = before.copy()
        self._forget(self.ctx.env, node.body)
        var, over, bound, member = self.expressions.loops.over(node.target, node.iter, prologue)
        head = self._bound_in_loop(bound, var, node)
        body = self._loop_body(node)
        self.ctx.indices = indices
        names = set(self.ctx.env.values) - set(before.values)
        self.ctx.env = Env(dict(before.values), before.maybe_unset | names)
        self._forget(self.ctx.env, node.body)
        if member is not None:
            body = [ir.If(member, tuple(body), (), self.ctx.loc(node))]
        return [*prologue, ir.For(var, over, tuple(head + body), self.ctx.loc(node))], False

    def _loop_body(self, node: ast.For) -> list[Stmt]:
        """The body; a `require` in its second pass comes after the writes of the first."""
        wrote, guarded, carried = self.guards.wrote, self.guards.guard, self.guards.carried
        self.guards.guard = self.guards.carried = None
        body, ends = self.block(node.body)
        writes = self.guards.carried or (None if ends else self.guards.wrote)
        if self.guards.guard and writes and not wrote:
            raise self.guards.by_patch(node, self.guards.guard, writes, "in a loop, whose second pass comes after a write") or self.ctx.refuse(
                node, "the second pass of this loop would `require` after a write of the first",
                "split it: a loop that requires, then a loop that writes",
            )  # fmt: skip
        self.guards.guard, self.guards.wrote, self.guards.carried = (
            guarded or self.guards.guard,
            wrote or writes,
            carried,
        )
        return body

    def _bound_in_loop(self, bound: dict[str, Expr | Place], var: str, node: ast.For) -> list[Stmt]:
        head = list[Stmt]()
        for name, value in bound.items():
            if name != var:
                head += self.stores.bind(name, value, node.target, node.target)
            elif name in self.ctx.locals or name in self.ctx.aliases:
                raise self.ctx.refuse(
                    node.target, f"{name!r} has another meaning elsewhere in this function", "use another name"
                )
            else:
                self.ctx.env.values[name] = value
                self.ctx.env.maybe_unset.discard(name)
                self.ctx.indices.add(name)
        return head

    def _forget(self, env: Env, body: Sequence[ast.stmt]) -> None:
        """Forget what is known (narrowing) about names that a loop body assigns."""
        stored = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for name in stored & set(env.values) & set(self.ctx.locals):
            value = env.values[name]
            assert not isinstance(value, PlaceTypes), name
            env.values[name] = ir.Local(name, self.ctx.locals[name], value.loc)

    # --- return, and calls as statements ---

    def _returned(self, node: ast.Return) -> Expr | None:
        if self.ctx.returns is None:
            if node.value is not None:
                raise self.ctx.refuse(
                    node.value,
                    "this function is annotated `-> None`: it changes state and returns nothing",
                    "write `return` alone",
                )
            return None
        value = node.value
        if self.ctx.pick is not None:
            if not isinstance(value, ast.Tuple) or len(value.elts) != 2:
                raise self.ctx.refuse(node, "a leads_to returns two conditions", "return p, q   # p is followed by q")
            value = value.elts[self.ctx.pick]
        if value is None:
            raise self.ctx.refuse(node, f"this function must return a value: {a(self.ctx.returns)}")
        if self.ctx.returns == BOOL:
            return self.expressions.bool_value(value)
        lowered = self.expressions.value(value)
        if isinstance(lowered, PlaceTypes) and isinstance(lowered.type, MaskType):
            raise self.ctx.refuse(
                value, "this would return the mask itself, not a copy", "return something of it, e.g. its .highest()"
            )
        result, check = coerce(self.ctx, lowered, self.ctx.returns, value)
        if check:
            raise self.ctx.refuse(
                value, f"this may be {a(result.type)}, and the function returns {a(self.ctx.returns)}"
            )
        return result

    def _expression(self, node: ast.Expr) -> list[Stmt]:
        call = node.value
        if type(call) in (ast.Yield, ast.YieldFrom, ast.Await):
            raise self.ctx.unsupported(call)
        if not isinstance(call, ast.Call):
            hint = "was `=` meant?" if isinstance(call, ast.Compare) else increment_hint(call)
            raise self.ctx.refuse(node, "this line has no effect", hint)
        if self.expressions.calls.is_require(call):
            guard, _ = self.guards.require(call)
            return [guard]
        signature = self.expressions.calls.method_called(call)
        if signature is not None:
            return self._do(call, signature)
        if isinstance(call.func, ast.Attribute):
            return self._edit_mask(call, call.func)
        self.expressions.value(call)
        raise self.ctx.refuse(call, "this line has no effect")

    def _do(self, call: ast.Call, signature: Signature) -> list[Stmt]:
        if signature.returns is not None:
            raise self.ctx.refuse(
                call, f"{signature.name}() changes nothing, and its value is not used", f"x = {ast.unparse(call)}"
            )
        arguments = self.expressions.calls.arguments(call, signature)
        if signature.guard:
            self.guards.before(call, f"{signature.name}() has a `require`", signature.guard)
        if signature.write:
            self.guards.writes(call, signature.write)
        elif self.ctx.pure:
            raise self.ctx.refuse(
                call, f"{signature.name}() has no value", "a function that returns a value only calls such functions"
            )
        return [ir.Do(signature.name, arguments, self.ctx.loc(call))]

    def _edit_mask(self, call: ast.Call, function: ast.Attribute) -> list[Stmt]:
        place, name = self.expressions.place(function.value, f"`.{function.attr}`"), function.attr
        if not isinstance(place.type, MaskType):
            raise self.ctx.refuse(
                call, f"{a(place.type)} has no function {name!r}", "only the system (self) and Masks have functions"
            )
        if name in ("highest", "lowest"):
            raise self.ctx.refuse(call, "the value is not used", f"x = {ast.unparse(call)}")
        if name not in ("add", "discard", "clear"):
            raise self.ctx.refuse(
                call, f"a Mask has no function {name!r}", did_you_mean(name, ["add", "discard", "clear"])
            )
        loc, of = self.ctx.loc(call), place.type
        if len(call.args) != (0 if name == "clear" else 1) or call.keywords:
            raise self.ctx.refuse(
                call, ".clear() takes nothing" if name == "clear" else f".{name}(...) takes one element"
            )
        value: Expr = ir.Const(0, of, loc)
        if name != "clear":
            op = "with" if name == "add" else "without"
            value = ir.MaskEdit(op, ir.Load(place, of, loc), self.expressions.element(of, call.args[0]), of, loc)
        self.guards.writes(call)
        return [ir.Store(place, value, False, loc)]
