"""Assignments: locals, aliases, stores into the state. Python AST -> typed IR."""

from __future__ import annotations

import ast
import dataclasses
import inspect

from checker.language import ir
from checker.language.classes import check_type
from checker.language.ir import Expr, Place, Stmt
from checker.language.layout import leaves
from checker.language.lower.checks import annotation_type, check_range, said_of_type
from checker.language.lower.context import Context, NoneValue, PlaceTypes
from checker.language.lower.convert import coerce, load
from checker.language.lower.expression import Expressions
from checker.language.lower.guards import Guards
from checker.language.refusal import a, field_hint
from model.finite import IntType, Mask, MaskType, OptionalType, Scalar, StructType, TableType, Type, encode
from model.lang import Struct

AUGMENTED: dict[type[ast.operator], ast.operator] = {
    op: op() for op in (ast.Add, ast.Sub, ast.BitOr, ast.BitAnd)
}  # fmt: skip


class Stores:
    """What gives a value to something in one function."""

    def __init__(self, context: Context, expressions: Expressions, guards: Guards) -> None:
        self.ctx, self.expressions, self.guards = context, expressions, guards

    def assign(self, node: ast.Assign) -> list[Stmt]:
        if len(node.targets) != 1:
            raise self.ctx.refuse(node, "one target for each `=`", "write one assignment a line")
        target = node.targets[0]
        if isinstance(target, ast.Name):
            return self._assign_name(target, node.value, node)
        return self._store(target, node.value, node)

    def declare(self, node: ast.AnnAssign) -> list[Stmt]:
        if not isinstance(node.target, ast.Name) or node.value is None:
            raise self.ctx.refuse(node, "only locals are declared here, with their value", "x: Vector | None = None")
        try:
            of = annotation_type(node.annotation, self.ctx.globals, self.ctx.linker.scope, ast.unparse(node.target))
        except Exception as error:
            raise self.ctx.refuse(node.annotation, *said_of_type(error, self.ctx.globals)) from None
        if isinstance(of, StructType | TableType | MaskType):
            raise self.ctx.refuse(node, "a record or mask is named without an annotation", "x = self.apic[cpu]")
        check_range(of, self.ctx.loc(node.annotation), f"local {node.target.id!r}")
        check_type(of)
        name = node.target.id
        if self.ctx.locals.get(name, of) != of:
            raise self.ctx.refuse(
                node, f"{name!r} is {a(self.ctx.locals[name])} elsewhere in this function", "use another name"
            )
        self.ctx.locals[name] = of
        return self._assign_name(node.target, node.value, node)

    def augment(self, node: ast.AugAssign) -> list[Stmt]:
        if type(node.op) not in AUGMENTED:
            raise self.ctx.unsupported(node)
        old = ast.parse(ast.unparse(node.target), mode="eval").body
        value = ast.BinOp(old, AUGMENTED[type(node.op)], node.value)
        for part in (old, value, *ast.walk(old)):
            ast.copy_location(part, node.target)
        if isinstance(node.target, ast.Name):
            return self._assign_name(node.target, value, node)
        return self._store(node.target, value, node)

    # --- names ---

    def _assign_name(self, target: ast.Name, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        if isinstance(source, ast.Call) and self.expressions.calls.is_require(source):
            guard, value = self.guards.require(source)
            return [guard, *self.bind(target.id, value, node, source)]
        lowered = self.expressions.value(source)
        if isinstance(lowered, NoneValue) and target.id not in self.ctx.locals:
            raise self.ctx.refuse(
                node,
                f"{target.id!r} is None, but what could it be else?",
                f"declare it: {target.id}: Vector | None = None",
            )
        return self.bind(target.id, lowered, node, source)

    def bind(self, name: str, value: Expr | Place | NoneValue, node: ast.AST, source: ast.AST) -> list[Stmt]:
        """Bind a local: places by name, scalars by value."""
        if isinstance(value, PlaceTypes) and not isinstance(value.type, StructType | TableType | MaskType):
            value = load(self.ctx, value, source)
        if name in self.ctx.indices:
            raise self.ctx.refuse(node, f"{name!r} is the index of the loop", "use another name")
        if isinstance(value, PlaceTypes):
            return self._bind_place(name, value, node)
        if name in self.ctx.aliases or isinstance(self.ctx.env.values.get(name), PlaceTypes):
            raise self.ctx.refuse(
                node, f"{name!r} names a record or mask elsewhere in this function", "use another name"
            )
        if name not in self.ctx.locals and not isinstance(value, NoneValue):
            self.ctx.locals[name] = value.type
        of = self.ctx.locals[name]
        result, check = coerce(self.ctx, value, of, source)
        if check and not isinstance(value, NoneValue):
            hint = f"declare its range where it is first set, e.g. {name}: Vector = ...; count in a field of the state"
            raise self.ctx.refuse(source, f"{name!r} was made to hold {a(of)}, and this is {a(value.type)}", hint)
        local = ir.Local(name, of, self.ctx.loc(node))
        self.ctx.env.maybe_unset.discard(name)
        self.ctx.env.values[name] = local
        if isinstance(result, ir.Wrap) and isinstance(of, OptionalType):
            self.ctx.env.values[name] = ir.Unwrap(local, of.of, local.loc)
        return [ir.Assign(name, result, of, False, self.ctx.loc(node))]

    def _bind_place(self, name: str, place: Place, node: ast.AST) -> list[Stmt]:
        if isinstance(place, ir.State | ir.Before):
            raise self.ctx.refuse(node, "the whole system needs no second name", "name a record of it")
        if name in self.ctx.locals:
            raise self.ctx.refuse(
                node, f"{name!r} is {a(self.ctx.locals[name])} elsewhere in this function", "use another name"
            )
        if name in self.ctx.env.values:
            raise self.ctx.refuse(
                node,
                f"{name!r} names a record or mask already",
                "use another name; to copy a record, store it into a row or field",
            )
        self.ctx.aliases.add(name)
        self.ctx.env.maybe_unset.discard(name)
        self.ctx.env.values[name] = ir.Alias(name, place.type)
        return [ir.Bind(name, place, self.ctx.loc(node))]

    # --- stores into the state ---

    def _store(self, target: ast.expr, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        if not isinstance(target, ast.Attribute | ast.Subscript):
            raise self.ctx.unsupported(target)
        place = self.expressions.place(target, "`=`")
        of = place.type
        if isinstance(of, StructType):
            stores: list[Stmt] = self._store_record(place, of, source, node)
        elif isinstance(of, TableType):
            raise self.ctx.refuse(node, "a whole Table cannot be assigned", "assign row by row in a `for` loop")
        else:
            if isinstance(of, MaskType):
                self._only_a_mask(target, of, source)
            value, check = coerce(self.ctx, self.expressions.value(source), of, source)
            stores = [ir.Store(place, value, check, self.ctx.loc(node))]
        self.guards.writes(node)
        return stores

    def _only_a_mask(self, target: ast.expr, of: MaskType, source: ast.expr) -> None:
        """A mask is a set, and no number whose bits are its members; Python's other empty sets are none either."""
        text, given = ast.unparse(target), ast.unparse(source)
        is_empty = given in ("0", "None", "False", "set()", "{}")
        if is_empty or (isinstance(source, ast.Constant) and isinstance(source.value, int)):
            hint = f"write `{text}.clear()`" if is_empty else f"one bit is set by `{text}.add(...)`"
            raise self.ctx.refuse(source, f"`{text}` is {a(of)}, a set, and this is `{given}`", hint)

    def _store_record(self, place: Place, of: StructType, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        loc, out = self.ctx.loc(node), list[Stmt]()
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
            made = self.ctx.meaning(source.func.id)
            if inspect.isclass(made) and issubclass(made, Struct) and made is of.cls:
                return self._store_new(place, of, source)
            if inspect.isclass(made) and issubclass(of.cls, made):
                raise self.ctx.refuse(source, f"the records here are {of} records", f"write {of}(...)")
        value = self.expressions.value(source)
        if not isinstance(value, PlaceTypes) or value.type != of:
            raise self.ctx.refuse(source, f"only another {of}, or {of}(field=...), can be stored here")
        place, value = self._fixed(place, out, node), self._fixed(value, out, node)
        for leaf in leaves(of):
            out.append(ir.Store(at(place, leaf.path), ir.Load(at(value, leaf.path), leaf.type, loc), False, loc))
        return out

    def _fixed(self, place: Place, out: list[Stmt], node: ast.AST) -> Place:
        """The same place, also after a store has changed the state that its indices are read from."""
        if not reads_state(place):
            return place
        name = self.ctx.temporary("record")
        out.append(ir.Bind(name, place, self.ctx.loc(node)))
        return ir.Alias(name, place.type)

    def _store_new(self, place: Place, of: StructType, call: ast.Call) -> list[Stmt]:
        given = self._given_fields(of, call)
        first, stores = list[Stmt](), list[Stmt]()
        place = self._fixed(place, first, call)
        for name, kind in of.fields:
            if isinstance(kind, StructType | TableType):
                raise self.ctx.refuse(
                    call, f"field {name!r} is a record: store it by itself", "set the other fields one by one"
                )
            field, loc = ir.FieldOf(place, name, kind), self.ctx.loc(call)
            if name in given:
                value = self._evaluated(self.expressions.value(given[name]), name, first, given[name], keep=not stores)
                coerced, check = coerce(self.ctx, value, kind, given[name])
                stores.append(ir.Store(field, coerced, check, loc))
            else:
                code = self._default_code(of, name, kind, call)
                stores.append(ir.Store(field, ir.Const(code, kind, loc), False, loc))
        return first + stores

    def _given_fields(self, of: StructType, call: ast.Call) -> dict[str, ast.expr]:
        if call.args:
            raise self.ctx.refuse(call, f"name the fields: {of}(field=value)")
        for k in call.keywords:
            if k.arg is None or of.field(k.arg) is None:
                raise self.ctx.refuse(k, f"{a(of)} has no field {k.arg!r}", field_hint(str(k.arg), of))
        return {str(k.arg): k.value for k in call.keywords}

    def _evaluated(
        self, value: Expr | Place | NoneValue, field: str, out: list[Stmt], node: ast.AST, *, keep: bool
    ) -> Expr | Place | NoneValue:
        """Python evaluates all fields before it stores the first: a value that reads the state is kept meanwhile."""
        if isinstance(value, NoneValue):
            return value
        loaded = load(self.ctx, value, node)
        if keep or not reads_state(loaded):
            return loaded
        name = self.ctx.temporary(f"{field}_value")
        out.append(ir.Assign(name, loaded, loaded.type, False, self.ctx.loc(node)))
        return ir.Local(name, loaded.type, self.ctx.loc(node))

    def _default_code(self, of: StructType, name: str, kind: Scalar, call: ast.Call) -> int:
        default = getattr(of.cls, name, None)
        if default is None and not isinstance(kind, OptionalType):
            raise self.ctx.refuse(call, f"field {name!r} has no default", f"give it a value: {of}({name}=...)")
        return default.bits if isinstance(default, Mask) else encode(kind, default)


def reads_state(node: object) -> bool:
    """May the value of an expression (or the place that indices lead to) change when the state does?"""
    if isinstance(node, ir.Load | ir.Call):
        return True
    if isinstance(node, ir.FieldOf):
        return reads_state(node.base)
    if isinstance(node, ir.RowOf):
        return reads_state(node.base) or reads_state(node.index)
    if dataclasses.is_dataclass(node) and type(node).__module__ == ir.__name__:
        return any(reads_state(getattr(node, f.name)) for f in dataclasses.fields(node))
    return False


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
