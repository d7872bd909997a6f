"""Statements and whole functions of a model: Python AST -> typed IR."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from typing import Any

from checker.language import ir
from checker.language.c_habits import increment_hint
from checker.language.ir import BOOL, Expr, Loc, Place, Stmt
from checker.language.lower_names import Env, Linker, PlaceTypes, Signature
from checker.language.lower_store import Lowered, StoreLowering
from checker.language.refusal import Refused, a, did_you_mean, place_of
from model.finite import MaskType, OptionalType, Scalar

NOT_TAKEN_BACK = "what was written could not be taken back"


class StatementLowering(StoreLowering):
    """Lowers one function body. `pick` selects p or q of a leads_to."""

    def __init__(
        self, linker: Linker, function: types.FunctionType, *, pure: bool, returns: Scalar | None, pick: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(linker, function, pure=pure)
        self.returns, self.pick = returns, pick
        self.guard: Loc | None = None  # the first `require`
        self.carried: Loc | None = (
            None  # a write that may have happened where a `continue` or `break` left this loop's body
        )

    def function(self, node: ast.FunctionDef) -> Lowered:
        """The body of a function, and whether its end is never reached."""
        inner = {t for g in ast.walk(node) if isinstance(g, ast.comprehension) for t in ast.walk(g.target)}
        self.name, names = node.name, [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        self.mentioned = {n.id for n in names} | {p.arg for p in node.args.args}
        self.stored = {n.id for n in names if isinstance(n.ctx, ast.Store) and n not in inner}
        return self.block(node.body)

    # --- blocks ---

    def block(self, nodes: Sequence[ast.stmt]) -> Lowered:
        """The statements, and whether the end of the block is never reached."""
        out = list[Stmt]()
        for number, node in enumerate(nodes):
            if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                continue
            handler: Callable[[Any], Lowered] | None
            handler = getattr(self, f"_{type(node).__name__.lower()}_statement", None)
            if handler is None:
                raise self.unsupported(node)
            lowered, ends = handler(node)
            out += lowered
            if ends:
                hidden = next((n for n in nodes[number:] if isinstance(n, ast.FunctionDef | ast.ClassDef)), None)
                if hidden is not None:  # a method that is indented too far would be passed over in silence
                    raise self.unsupported(hidden)
                return out, True
        return out, False

    def _if_statement(self, node: ast.If) -> Lowered:
        test, before, wrote = self.condition(node.test), self.env, self.wrote
        self.env = self.narrowed(node.test, truth=True)
        then, then_ends = self.block(node.body)
        then_env, then_wrote = self.env, self.wrote
        self.env, self.wrote = before, wrote
        self.env = self.narrowed(node.test, truth=False)
        other, other_ends = self.block(node.orelse)
        self.env = self._joined(then_env, then_ends, self.env, other_ends)
        self.wrote = (None if then_ends else then_wrote) or (None if other_ends else self.wrote)
        return [ir.If(test, tuple(then), tuple(other), self.loc(node))], then_ends and other_ends

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
            elif name in self.locals:
                joined.values[name] = ir.Local(name, self.locals[name], getattr(one, "loc", ir.Loc("", 0)))
            else:
                joined.maybe_unset.add(name)  # records of two kinds under one name
        return joined

    # --- loops ---

    def _for_statement(self, node: ast.For) -> Lowered:
        if node.orelse:
            raise self.refuse(node.orelse[0], "`else` on a loop is not in the language", "put it after the loop")
        prologue, before, indices = list[Stmt](), self.env, set(self.indices)
        self.env = before.copy()
        self._forget(self.env, node.body)
        var, over, bound, member = self.iteration(node.target, node.iter, prologue)
        head = self._bound_in_loop(bound, var, node)
        body = self._loop_body(node)
        self.indices = indices
        names = set(self.env.values) - set(before.values)
        self.env = Env(dict(before.values), before.maybe_unset | names)
        self._forget(self.env, node.body)
        if member is not None:
            body = [ir.If(member, tuple(body), (), self.loc(node))]
        return [*prologue, ir.For(var, over, tuple(head + body), self.loc(node))], False

    def _loop_body(self, node: ast.For) -> list[Stmt]:
        """The body; a `require` in its second pass comes after the writes of the first."""
        wrote, guarded, carried = self.wrote, self.guard, self.carried
        self.guard = self.carried = None
        body, ends = self.block(node.body)
        writes = self.carried or (None if ends else self.wrote)
        if self.guard and writes and not wrote:
            raise self._by_patch(node, self.guard, writes, "in a loop, whose second pass comes after a write") or self.refuse(
                node, "the second pass of this loop would `require` after a write of the first",
                "split it: a loop that requires, then a loop that writes",
            )  # fmt: skip
        self.guard, self.wrote, self.carried = guarded or self.guard, wrote or writes, carried
        return body

    def _bound_in_loop(self, bound: dict[str, Expr | Place], var: str, node: ast.For) -> list[Stmt]:
        head = list[Stmt]()
        for name, value in bound.items():
            if name != var:
                head += self.bind(name, value, node.target, node.target)
            elif name in self.locals or name in self.aliases:
                raise self.refuse(
                    node.target, f"{name!r} has another meaning elsewhere in this function", "use another name"
                )
            else:
                self.env.values[name] = value
                self.env.maybe_unset.discard(name)
                self.indices.add(name)
        return head

    def _forget(self, env: Env, body: Sequence[ast.stmt]) -> None:
        """Forget what is known (narrowing) about names that a loop body assigns."""
        stored = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for name in stored & set(env.values) & set(self.locals):
            value = env.values[name]
            assert not isinstance(value, PlaceTypes), name
            env.values[name] = ir.Local(name, self.locals[name], value.loc)

    def _continue_statement(self, node: ast.Continue) -> Lowered:
        self.carried = self.carried or self.wrote
        return [ir.Continue(self.loc(node))], True

    def _break_statement(self, node: ast.Break) -> Lowered:
        self.carried = self.carried or self.wrote
        return [ir.Break(self.loc(node))], True

    # --- return ---

    def _return_statement(self, node: ast.Return) -> Lowered:
        if self.returns is None:
            if node.value is not None:
                raise self.refuse(
                    node.value,
                    "this function is annotated `-> None`: it changes state and returns nothing",
                    "write `return` alone",
                )
            return [ir.Return(None, self.loc(node))], True
        value = node.value
        if self.pick is not None:
            if not isinstance(value, ast.Tuple) or len(value.elts) != 2:
                raise self.refuse(node, "a leads_to returns two conditions", "return p, q   # p is followed by q")
            value = value.elts[self.pick]
        if value is None:
            raise self.refuse(node, f"this function must return a value: {a(self.returns)}")
        if self.returns == BOOL:
            return [ir.Return(self.bool_value(value), self.loc(node))], True
        lowered = self.value(value)
        if isinstance(lowered, PlaceTypes) and isinstance(lowered.type, MaskType):
            raise self.refuse(
                value, "this would return the mask itself, not a copy", "return something of it, e.g. its .highest()"
            )
        result, check = self.coerce(lowered, self.returns, value)
        if check:
            raise self.refuse(value, f"this may be {a(result.type)}, and the function returns {a(self.returns)}")
        return [ir.Return(result, self.loc(node))], True

    # --- calls as statements ---

    def _expr_statement(self, node: ast.Expr) -> Lowered:
        call = node.value
        if type(call) in (ast.Yield, ast.YieldFrom, ast.Await):
            raise self.unsupported(call)
        if not isinstance(call, ast.Call):
            hint = "was `=` meant?" if isinstance(call, ast.Compare) else increment_hint(call)
            raise self.refuse(node, "this line has no effect", hint)
        if self.is_require(call):
            guard, _ = self._guard(call)
            return [guard], False
        signature = self.method_called(call)
        if signature is not None:
            return self._do(call, signature), False
        if isinstance(call.func, ast.Attribute):
            return self._edit_mask(call, call.func), False
        self.value(call)
        raise self.refuse(call, "this line has no effect")

    def _do(self, call: ast.Call, signature: Signature) -> list[Stmt]:
        if signature.returns is not None:
            raise self.refuse(
                call, f"{signature.name}() changes nothing, and its value is not used", f"x = {ast.unparse(call)}"
            )
        arguments = self.arguments(call, signature)
        if signature.guard:
            self._guarding(call, f"{signature.name}() has a `require`", signature.guard)
        if signature.write:
            self.writes(call, signature.write)
        elif self.pure:
            raise self.refuse(
                call, f"{signature.name}() has no value", "a function that returns a value only calls such functions"
            )
        return [ir.Do(signature.name, arguments, self.loc(call))]

    def _edit_mask(self, call: ast.Call, function: ast.Attribute) -> list[Stmt]:
        place, name = self.place(function.value, f"`.{function.attr}`"), function.attr
        if not isinstance(place.type, MaskType):
            raise self.refuse(
                call, f"{a(place.type)} has no function {name!r}", "only the system (self) and Masks have functions"
            )
        if name in ("highest", "lowest"):
            raise self.refuse(call, "the value is not used", f"x = {ast.unparse(call)}")
        if name not in ("add", "discard", "clear"):
            raise self.refuse(call, f"a Mask has no function {name!r}", did_you_mean(name, ["add", "discard", "clear"]))
        loc, of = self.loc(call), place.type
        if len(call.args) != (0 if name == "clear" else 1) or call.keywords:
            raise self.refuse(call, ".clear() takes nothing" if name == "clear" else f".{name}(...) takes one element")
        value: Expr = ir.Const(0, of, loc)
        if name != "clear":
            op = "with" if name == "add" else "without"
            value = ir.MaskEdit(op, ir.Load(place, of, loc), self.element(of, call.args[0]), of, loc)
        self.writes(call)
        return [ir.Store(place, value, False, loc)]

    # --- require ---

    def _guard(self, call: ast.Call) -> tuple[Stmt, Expr]:
        if len(call.args) != 1 or call.keywords:
            raise self.refuse(call, "require(...) takes one value")
        self._guarding(call, "`require`", self.loc(call))
        test = call.args[0]
        value, loc = self.scalar(test), self.loc(call)
        if isinstance(value.type, OptionalType):
            some = ir.IsSome(value, BOOL, loc)
            unwrapped = ir.Unwrap(value, value.type.of, value.loc)
            if isinstance(test, ast.Name):
                self.env = self.env.copy()
                self.env.values[test.id] = unwrapped
            return ir.Require(some, loc), unwrapped
        if value.type != BOOL:
            hint = (
                f"write `{ast.unparse(test)}.highest() is not None`"
                if isinstance(value.type, MaskType)
                else "write a comparison"
            )
            raise self.refuse(call, f"require(...) takes a bool or an optional; this is {a(value.type)}", hint)
        self.env = self.narrowed(test, truth=True)
        return ir.Require(value, loc), value

    def _guarding(self, node: ast.AST, what: str, guard: Loc) -> None:
        if self.pure:
            raise self.refuse(
                node,
                "`require` in a function that returns a value",
                "return an optional, and require the result in the step",
            )
        if self.wrote:
            hint, apart = "move every require before the first write", guard.file != self.file
            raise self._by_patch(node, guard, self.wrote, "after a write") or self.refuse(
                node,
                f"{what} after a write: {NOT_TAKEN_BACK}",
                f"{hint}; this one is in {place_of(guard, self.loc(node))}" if apart else hint,
            )
        self.guard = self.guard or guard

    def _by_patch(self, node: ast.AST, guard: Loc, write: Loc, how: str) -> Refused | None:
        """A patch restated a function that this one calls, and a `require` comes after a write here: the patch is told."""
        here = self.loc(node)
        if self.linker.in_patch(here):
            return None
        name = self.name
        if self.linker.in_patch(guard):
            written = place_of(write, guard if write.file == guard.file else here)
            hint = f"{name}() runs this ({place_of(here, guard)}) {how} ({written}):"
            advice = f"write `if not ...: return` instead, or restate {name}(), too"
            return Refused(guard, f"`require` after a write of its caller: {NOT_TAKEN_BACK}", f"{hint} {advice}")
        if self.linker.in_patch(write):
            hint = f"{name}() runs this before its `require` ({place_of(guard, write)}): restate {name}(), too"
            return Refused(write, f"a write before a `require` of its caller: {NOT_TAKEN_BACK}", hint)
        return None
