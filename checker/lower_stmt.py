"""Statements and whole functions of a model: Python AST -> typed IR."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from checker import ir
from checker.ir import BOOL, Expr, Place, Stmt
from checker.layout import leaves
from checker.lower_expr import Env, ExpressionLowering, Linker, NoneValue, PlaceTypes, Signature
from model.finite import (
    IntType, Mask, MaskType, OptionalType, Scalar, StructType, TableType, Type, encode,
)  # fmt: skip
from model.lang import Struct, require, resolve

AUGMENTED: dict[type[ast.operator], ast.operator] = {
    op: op() for op in (ast.Add, ast.Sub, ast.BitOr, ast.BitAnd)
}  # fmt: skip


class StatementLowering(ExpressionLowering):
    """Lowers one function body. `pure` functions may not store; `pick` selects p or q of a leads_to."""

    def __init__(
        self, linker: Linker, file: str, globals_: dict[str, Any], owner: type | None,
        *, pure: bool, returns: Scalar | None, pick: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(linker, file, globals_, owner)
        self.pure, self.returns, self.pick = pure, returns, pick
        self.locals: dict[str, Scalar] = {}
        self.wrote = False  # a write may have happened before this point
        self.guards = False

    # --- blocks ---

    def block(self, nodes: Sequence[ast.stmt]) -> tuple[list[Stmt], bool]:
        """The statements, and whether the end of the block is never reached."""
        out = list[Stmt]()
        for node in nodes:
            if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                continue
            handler: Callable[[Any], tuple[list[Stmt], bool]] | None
            handler = getattr(self, f"_{type(node).__name__.lower()}_statement", None)
            if handler is None:
                raise self.unsupported(node)
            lowered, ends = handler(node)
            out += lowered
            if ends:
                return out, True
        return out, False

    def _if_statement(self, node: ast.If) -> tuple[list[Stmt], bool]:
        test, before, wrote = self.condition(node.test), self.env, self.wrote
        self.env = self.narrowed(node.test, truth=True)
        then, then_ends = self.block(node.body)
        then_env, then_wrote = self.env, self.wrote
        self.env, self.wrote = before, wrote
        self.env = self.narrowed(node.test, truth=False)
        other, other_ends = self.block(node.orelse)
        self.env = self._joined(then_env, then_ends, self.env, other_ends)
        self.wrote = (then_wrote and not then_ends) or (self.wrote and not other_ends)
        return [ir.If(test, tuple(then), tuple(other), self.loc(node))], then_ends and other_ends

    def _joined(self, a: Env, a_ends: bool, b: Env, b_ends: bool) -> Env:
        if a_ends or b_ends:
            return b if a_ends else a
        joined = Env(maybe_unset=a.maybe_unset | b.maybe_unset)
        for name in {*a.values, *b.values}:
            x, y = a.values.get(name), b.values.get(name)
            if x is not None and y is not None and (x == y or name not in self.locals):
                joined.values[name] = x
                joined.maybe_unset |= {name} if x != y else set()
            elif x is not None and y is not None:
                joined.values[name] = ir.Local(name, self.locals[name], getattr(x, "loc", ir.Loc("", 0)))
            else:
                joined.maybe_unset.add(name)
        return joined

    def _for_statement(self, node: ast.For) -> tuple[list[Stmt], bool]:
        if node.orelse:
            raise self.refuse(node.orelse[0], "`else` on a loop is not in the language", "put it after the loop")
        prologue = list[Stmt]()
        before = self.env
        self.env = self._widened(node.body)
        wrote, guarded = self.wrote, self.guards
        var, over, bound, member = self.iteration(node.target, node.iter)
        if member is not None and isinstance(member, ir.Contains):  # the members as they are when the loop begins
            snapshot = ir.Local(f"{var}_members", member.mask.type, member.loc)
            prologue.append(ir.Assign(snapshot.name, member.mask, snapshot.type, False, member.loc))
            member = ir.Contains(snapshot, member.element, BOOL, member.loc)
        head = self._bound_in_loop(bound, var, node)
        self.guards = False
        body, _ = self.block(node.body)
        if self.guards and self.wrote and not wrote:
            raise self.refuse(node, "the second pass of this loop would `require` after a write", "split it into two loops")
        self.guards, self.wrote = self.guards or guarded, self.wrote or wrote
        names = set(self.env.values) - set(before.values)
        self.env = Env(dict(before.values), before.maybe_unset | names)
        self._widen_in(self.env, node.body)
        if member is not None:
            body = [ir.If(member, tuple(body), (), self.loc(node))]
        return [*prologue, ir.For(var, over, tuple(head + body), self.loc(node))], False

    def _bound_in_loop(self, bound: dict[str, Expr | Place], var: str, node: ast.For) -> list[Stmt]:
        head = list[Stmt]()
        for name, value in bound.items():
            if name != var:
                head += self._bind(name, value, node)
            else:
                self.env.values[name] = value
                self.env.maybe_unset.discard(name)
        return head

    def _widened(self, body: Sequence[ast.stmt]) -> Env:
        env = self.env.copy()
        self._widen_in(env, body)
        return env

    def _widen_in(self, env: Env, body: Sequence[ast.stmt]) -> None:
        """Forget what is known (narrowing, aliases) about names that a loop body assigns."""
        stored = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for name in stored & set(env.values):
            value = env.values[name]
            if isinstance(value, PlaceTypes):
                env.maybe_unset.add(name)
            elif name in self.locals:
                env.values[name] = ir.Local(name, self.locals[name], value.loc)

    def _continue_statement(self, node: ast.Continue) -> tuple[list[Stmt], bool]:
        return [ir.Continue(self.loc(node))], True

    def _break_statement(self, node: ast.Break) -> tuple[list[Stmt], bool]:
        return [ir.Break(self.loc(node))], True

    def _return_statement(self, node: ast.Return) -> tuple[list[Stmt], bool]:
        if self.returns is None:
            if node.value is not None:
                raise self.refuse(node.value, "this function is annotated `-> None`: it changes state and returns nothing")
            return [ir.Return(None, self.loc(node))], True
        value = node.value
        if self.pick is not None and isinstance(value, ast.Tuple) and len(value.elts) == 2:
            value = value.elts[self.pick]
        elif self.pick is not None or value is None:
            raise self.refuse(node, "a leads_to returns two conditions", "return p, q   # p is followed by q")
        if self.returns == BOOL:
            return [ir.Return(self.condition(value), self.loc(node))], True
        result, check = self.coerce(self.value(value), self.returns, value)
        if check:
            raise self.refuse(value, f"this may be outside {self.returns}, what the function returns")
        return [ir.Return(result, self.loc(node))], True

    # --- assignments ---

    def _assign_statement(self, node: ast.Assign) -> tuple[list[Stmt], bool]:
        if len(node.targets) != 1:
            raise self.refuse(node, "one target for each `=`", "write one assignment a line")
        target = node.targets[0]
        if isinstance(target, ast.Name):
            return self._assign_name(target, node.value, node), False
        return self._store(target, node.value, node), False

    def _annassign_statement(self, node: ast.AnnAssign) -> tuple[list[Stmt], bool]:
        if not isinstance(node.target, ast.Name) or node.value is None:
            raise self.refuse(node, "declare a local with its value", "x: Vector | None = None")
        annotation = eval(ast.unparse(node.annotation), self.globals)  # the author's own annotation, as CPython would
        of = resolve(annotation, self.linker.scope, str(self.loc(node)))
        if isinstance(of, StructType | TableType):
            raise self.refuse(node, "a record is named without an annotation", "x = self.apic[cpu]")
        self.locals[node.target.id] = of
        return self._assign_name(node.target, node.value, node), False

    def _augassign_statement(self, node: ast.AugAssign) -> tuple[list[Stmt], bool]:
        if type(node.op) not in AUGMENTED:
            raise self.unsupported(node)
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        value = ast.BinOp(load, AUGMENTED[type(node.op)], node.value)
        for part in (load, value, *ast.walk(load)):
            ast.copy_location(part, node.target)
        if isinstance(node.target, ast.Name):
            return self._assign_name(node.target, value, node), False
        return self._store(node.target, value, node), False

    def _assign_name(self, target: ast.Name, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        out = list[Stmt]()
        if isinstance(source, ast.Call) and self._is_require(source):
            guard, value = self._guard(source)
            return [guard, *self._bind(target.id, value, node)]
        lowered = self.value(source)
        if isinstance(lowered, NoneValue) and target.id not in self.locals:
            raise self.refuse(node, "what is this None of?", f"declare it: {target.id}: Vector | None = None")
        return out + self._bind(target.id, lowered, node)

    def _bind(self, name: str, value: Expr | Place | NoneValue, node: ast.AST) -> list[Stmt]:
        """Bind a local: places by name, scalars by value."""
        self.env.maybe_unset.discard(name)
        if isinstance(value, PlaceTypes) and not isinstance(value.type, StructType | TableType | MaskType):
            value = self.load(value, node)
        if isinstance(value, PlaceTypes):
            if name in self.locals:
                raise self.refuse(node, f"{name!r} is a plain value elsewhere in this function", "use another name")
            self.env.values[name] = ir.Alias(name, value.type)
            return [ir.Bind(name, value, self.loc(node))]
        if isinstance(self.env.values.get(name), PlaceTypes):
            raise self.refuse(node, f"{name!r} names a record elsewhere in this function", "use another name")
        if name not in self.locals and not isinstance(value, NoneValue):
            self.locals[name] = value.type
        of = self.locals[name]
        result, check = self.coerce(value, of, node)
        local = ir.Local(name, of, self.loc(node))
        self.env.values[name] = local
        if isinstance(result, ir.Wrap) and isinstance(of, OptionalType):
            self.env.values[name] = ir.Unwrap(local, of.of, local.loc)
        return [ir.Assign(name, result, of, check, self.loc(node))]

    def _store(self, target: ast.expr, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        place = self.place(target, "`=`")
        of = place.type
        if isinstance(of, StructType):
            stores = self._store_record(place, of, source, node)
        elif isinstance(of, TableType):
            raise self.refuse(node, "a whole Table cannot be assigned", "assign row by row in a `for` loop")
        else:
            value, check = self.coerce(self.value(source), of, source)
            stores = [ir.Store(place, value, check, self.loc(node))]
        self._writes(node)
        return stores

    def _store_record(self, place: Place, of: StructType, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        loc = self.loc(node)
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
            made = self.globals.get(source.func.id)
            if inspect.isclass(made) and issubclass(made, Struct) and made is of.cls:
                return self._store_new(place, of, source)
        value = self.value(source)
        if not isinstance(value, PlaceTypes) or value.type != of:
            raise self.refuse(source, f"only another {of}, or {of}(field=...), can be stored here")
        return [
            ir.Store(at(place, leaf.path), ir.Load(at(value, leaf.path), leaf.type, loc), False, loc)
            for leaf in leaves(of)
        ]

    def _store_new(self, place: Place, of: StructType, call: ast.Call) -> list[Stmt]:
        given = {k.arg: k.value for k in call.keywords}
        for name in given:
            if name is None or of.field(name) is None:
                raise self.refuse(call, f"{of} has no field {name!r}")
        if call.args:
            raise self.refuse(call, f"name the fields: {of}(field=value)")
        stores = list[Stmt]()
        for name, kind in of.fields:
            if isinstance(kind, StructType | TableType):
                raise self.refuse(call, f"field {name!r} is a record: store it by itself")
            field, loc = ir.FieldOf(place, name, kind), self.loc(call)
            default = getattr(of.cls, name, None)
            if name in given:
                value, check = self.coerce(self.value(given[name]), kind, given[name])
                stores.append(ir.Store(field, value, check, loc))
            else:
                code = _default_code(kind, default)
                stores.append(ir.Store(field, ir.Const(code, kind, loc), False, loc))
        return stores

    def _writes(self, node: ast.AST) -> None:
        if self.pure:
            raise self.refuse(node, "this function returns a value, so it must not change state", "annotate it `-> None`")
        self.wrote = True

    # --- calls as statements ---

    def _expr_statement(self, node: ast.Expr) -> tuple[list[Stmt], bool]:
        call = node.value
        if not isinstance(call, ast.Call):
            raise self.refuse(node, "this line has no effect")
        if self._is_require(call):
            guard, _ = self._guard(call)
            return [guard], False
        signature = self.method_called(call)
        if signature is not None:
            return self._do(call, signature), False
        if isinstance(call.func, ast.Attribute):
            return self._edit_mask(call, call.func), False
        raise self.unsupported(call)

    def _do(self, call: ast.Call, signature: Signature) -> list[Stmt]:
        if signature.returns is not None:
            raise self.refuse(call, f"the value of {signature.name}() is not used")
        arguments = self.arguments(call, signature)
        if signature.guards:
            self._guarding(call, f"{signature.name}() has a `require`")
        if signature.writes:
            self._writes(call)
        return [ir.Do(signature.name, arguments, self.loc(call))]

    def _edit_mask(self, call: ast.Call, function: ast.Attribute) -> list[Stmt]:
        place = self.place(function.value, f"`.{function.attr}`")
        if not isinstance(place.type, MaskType) or function.attr not in ("add", "discard", "clear"):
            raise self.refuse(call, f"`{ast.unparse(call)}` is not in the language", "masks have .add, .discard and .clear")
        loc, of = self.loc(call), place.type
        if len(call.args) != (0 if function.attr == "clear" else 1):
            raise self.refuse(call, f".{function.attr} takes one element" if call.args else ".clear() takes nothing")
        value: Expr = ir.Const(0, of, loc)
        if function.attr != "clear":
            op = "with" if function.attr == "add" else "without"
            value = ir.MaskEdit(op, ir.Load(place, of, loc), self.element(of, call.args[0]), of, loc)
        self._writes(call)
        return [ir.Store(place, value, False, loc)]

    # --- require ---

    def _is_require(self, call: ast.Call) -> bool:
        return isinstance(call.func, ast.Name) and self.globals.get(call.func.id) is require

    def _guard(self, call: ast.Call) -> tuple[Stmt, Expr]:
        if len(call.args) != 1 or call.keywords:
            raise self.refuse(call, "require(...) takes one value")
        self._guarding(call, "`require`")
        value = self.scalar(call.args[0])
        if isinstance(value.type, OptionalType):
            some = ir.IsSome(value, BOOL, self.loc(call))
            return ir.Require(some, self.loc(call)), ir.Unwrap(value, value.type.of, value.loc)
        if value.type != BOOL:
            raise self.refuse(call, f"require(...) takes a bool or an optional, not a {value.type}", "write a comparison")
        self.env = self.narrowed(call.args[0], truth=True)
        return ir.Require(value, self.loc(call)), value

    def _guarding(self, node: ast.AST, what: str) -> None:
        if self.pure:
            raise self.refuse(node, "`require` in a function that returns a value", "return an optional and require the result")
        if self.wrote:
            raise self.refuse(node, f"{what} after a write: the step could not be undone", "move every require before the first write")
        self.guards = True


def at(place: Place, path: tuple[str | int, ...]) -> Place:
    """The place below `place` that a leaf path leads to."""
    for part in path:
        of: Type = place.type
        if isinstance(of, StructType) and isinstance(part, str):
            kind = of.field(part)
            assert kind is not None, part
            place = ir.FieldOf(place, part, kind)
        elif isinstance(of, TableType) and isinstance(part, int):
            index = ir.Const(part, IntType(part, part), ir.Loc("", 0))
            place = ir.RowOf(place, index, of.row)
    return place


def _default_code(of: Scalar, default: Any) -> int:
    if default is None:
        return 0
    return default.bits if isinstance(default, Mask) else encode(of, default)
