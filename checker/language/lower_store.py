"""Assignments: locals, aliases, stores into the state. Python AST -> typed IR."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import types

from checker.language import ir
from checker.language.classes import check_type
from checker.language.ir import Expr, Loc, Place, Stmt
from checker.language.layout import leaves
from checker.language.lower_checks import annotation_type, check_range, said_of_type
from checker.language.lower_expr import ExpressionLowering
from checker.language.lower_names import Linker, NoneValue, PlaceTypes
from checker.language.refusal import a, field_hint
from model.finite import IntType, Mask, MaskType, OptionalType, Scalar, StructType, TableType, Type, encode
from model.lang import Struct

AUGMENTED: dict[type[ast.operator], ast.operator] = {
    op: op() for op in (ast.Add, ast.Sub, ast.BitOr, ast.BitAnd)
}  # fmt: skip
Lowered = tuple[list[Stmt], bool]  # statements, and whether the next line is never reached


class StoreLowering(ExpressionLowering):
    """Lowers what gives a value to something. `pure` functions may not store."""

    def __init__(self, linker: Linker, function: types.FunctionType, *, pure: bool) -> None:
        super().__init__(linker, function)
        self.pure = pure
        self.locals: dict[str, Scalar] = {}  # type of every scalar name, from its declaration or its first value
        self.aliases: set[str] = set()  # names of places
        self.indices: set[str] = set()  # indices of the loops around this point
        self.wrote: Loc | None = None  # a write that may have happened before this point

    def _assign_statement(self, node: ast.Assign) -> Lowered:
        if len(node.targets) != 1:
            raise self.refuse(node, "one target for each `=`", "write one assignment a line")
        target = node.targets[0]
        if isinstance(target, ast.Name):
            return self._assign_name(target, node.value, node), False
        return self._store(target, node.value, node), False

    def _annassign_statement(self, node: ast.AnnAssign) -> Lowered:
        if not isinstance(node.target, ast.Name) or node.value is None:
            raise self.refuse(node, "only locals are declared here, with their value", "x: Vector | None = None")
        try:
            of = annotation_type(node.annotation, self.globals, self.linker.scope, ast.unparse(node.target))
        except Exception as error:
            raise self.refuse(node.annotation, *said_of_type(error, self.globals)) from None
        if isinstance(of, StructType | TableType | MaskType):
            raise self.refuse(node, "a record or mask is named without an annotation", "x = self.apic[cpu]")
        check_range(of, self.loc(node.annotation), f"local {node.target.id!r}")
        check_type(of)
        name = node.target.id
        if self.locals.get(name, of) != of:
            raise self.refuse(
                node, f"{name!r} is {a(self.locals[name])} elsewhere in this function", "use another name"
            )
        self.locals[name] = of
        return self._assign_name(node.target, node.value, node), False

    def _augassign_statement(self, node: ast.AugAssign) -> Lowered:
        if type(node.op) not in AUGMENTED:
            raise self.unsupported(node)
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        value = ast.BinOp(load, AUGMENTED[type(node.op)], node.value)
        for part in (load, value, *ast.walk(load)):
            ast.copy_location(part, node.target)
        if isinstance(node.target, ast.Name):
            return self._assign_name(node.target, value, node), False
        return self._store(node.target, value, node), False

    # --- names ---

    def _assign_name(self, target: ast.Name, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        if isinstance(source, ast.Call) and self.is_require(source):
            guard, value = self._guard(source)
            return [guard, *self.bind(target.id, value, node, source)]
        lowered = self.value(source)
        if isinstance(lowered, NoneValue) and target.id not in self.locals:
            raise self.refuse(
                node,
                f"{target.id!r} is None, but what could it be else?",
                f"declare it: {target.id}: Vector | None = None",
            )
        return self.bind(target.id, lowered, node, source)

    def _guard(self, call: ast.Call) -> tuple[Stmt, Expr]:
        raise NotImplementedError

    def bind(self, name: str, value: Expr | Place | NoneValue, node: ast.AST, source: ast.AST) -> list[Stmt]:
        """Bind a local: places by name, scalars by value."""
        if isinstance(value, PlaceTypes) and not isinstance(value.type, StructType | TableType | MaskType):
            value = self.load(value, source)
        if name in self.indices:
            raise self.refuse(node, f"{name!r} is the index of the loop", "use another name")
        if isinstance(value, PlaceTypes):
            return self._bind_place(name, value, node)
        if name in self.aliases or isinstance(self.env.values.get(name), PlaceTypes):
            raise self.refuse(node, f"{name!r} names a record or mask elsewhere in this function", "use another name")
        if name not in self.locals and not isinstance(value, NoneValue):
            self.locals[name] = value.type
        of = self.locals[name]
        result, check = self.coerce(value, of, source)
        if check and not isinstance(value, NoneValue):
            hint = f"declare its range where it is first set, e.g. {name}: Vector = ...; count in a field of the state"
            raise self.refuse(source, f"{name!r} was made to hold {a(of)}, and this is {a(value.type)}", hint)
        local = ir.Local(name, of, self.loc(node))
        self.env.maybe_unset.discard(name)
        self.env.values[name] = local
        if isinstance(result, ir.Wrap) and isinstance(of, OptionalType):
            self.env.values[name] = ir.Unwrap(local, of.of, local.loc)
        return [ir.Assign(name, result, of, False, self.loc(node))]

    def _bind_place(self, name: str, place: Place, node: ast.AST) -> list[Stmt]:
        if isinstance(place, ir.State | ir.Before):
            raise self.refuse(node, "the whole system needs no second name", "name a record of it")
        if name in self.locals:
            raise self.refuse(
                node, f"{name!r} is {a(self.locals[name])} elsewhere in this function", "use another name"
            )
        if name in self.env.values:
            raise self.refuse(
                node,
                f"{name!r} names a record or mask already",
                "use another name; to copy a record, store it into a row or field",
            )
        self.aliases.add(name)
        self.env.maybe_unset.discard(name)
        self.env.values[name] = ir.Alias(name, place.type)
        return [ir.Bind(name, place, self.loc(node))]

    # --- stores into the state ---

    def _store(self, target: ast.expr, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        if not isinstance(target, ast.Attribute | ast.Subscript):
            raise self.unsupported(target)
        place = self.place(target, "`=`")
        of = place.type
        if isinstance(of, StructType):
            stores: list[Stmt] = self._store_record(place, of, source, node)
        elif isinstance(of, TableType):
            raise self.refuse(node, "a whole Table cannot be assigned", "assign row by row in a `for` loop")
        else:
            if isinstance(of, MaskType):
                self._only_a_mask(target, of, source)
            value, check = self.coerce(self.value(source), of, source)
            stores = [ir.Store(place, value, check, self.loc(node))]
        self.writes(node)
        return stores

    def _only_a_mask(self, target: ast.expr, of: MaskType, source: ast.expr) -> None:
        """A mask is a set, and no number whose bits are its members; Python's other empty sets are none either."""
        text, given = ast.unparse(target), ast.unparse(source)
        is_empty = given in ("0", "None", "False", "set()", "{}")
        if is_empty or (isinstance(source, ast.Constant) and isinstance(source.value, int)):
            hint = f"write `{text}.clear()`" if is_empty else f"one bit is set by `{text}.add(...)`"
            raise self.refuse(source, f"`{text}` is {a(of)}, a set, and this is `{given}`", hint)

    def _store_record(self, place: Place, of: StructType, source: ast.expr, node: ast.stmt) -> list[Stmt]:
        loc, out = self.loc(node), list[Stmt]()
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
            made = self.meaning(source.func.id)
            if inspect.isclass(made) and issubclass(made, Struct) and made is of.cls:
                return self._store_new(place, of, source)
            if inspect.isclass(made) and issubclass(of.cls, made):
                raise self.refuse(source, f"the records here are {of} records", f"write {of}(...)")
        value = self.value(source)
        if not isinstance(value, PlaceTypes) or value.type != of:
            raise self.refuse(source, f"only another {of}, or {of}(field=...), can be stored here")
        place, value = self._fixed(place, out, node), self._fixed(value, out, node)
        for leaf in leaves(of):
            out.append(ir.Store(at(place, leaf.path), ir.Load(at(value, leaf.path), leaf.type, loc), False, loc))
        return out

    def _fixed(self, place: Place, out: list[Stmt], node: ast.AST) -> Place:
        """The same place, also after a store has changed the state that its indices are read from."""
        if not reads_state(place):
            return place
        name = self.fresh("record")
        self.mentioned.add(name)
        out.append(ir.Bind(name, place, self.loc(node)))
        return ir.Alias(name, place.type)

    def _store_new(self, place: Place, of: StructType, call: ast.Call) -> list[Stmt]:
        given = self._given_fields(of, call)
        first, stores = list[Stmt](), list[Stmt]()
        place = self._fixed(place, first, call)
        for name, kind in of.fields:
            if isinstance(kind, StructType | TableType):
                raise self.refuse(
                    call, f"field {name!r} is a record: store it by itself", "set the other fields one by one"
                )
            field, loc = ir.FieldOf(place, name, kind), self.loc(call)
            if name in given:
                value = self._evaluated(self.value(given[name]), name, first, given[name], keep=not stores)
                coerced, check = self.coerce(value, kind, given[name])
                stores.append(ir.Store(field, coerced, check, loc))
            else:
                code = self._default_code(of, name, kind, call)
                stores.append(ir.Store(field, ir.Const(code, kind, loc), False, loc))
        return first + stores

    def _given_fields(self, of: StructType, call: ast.Call) -> dict[str, ast.expr]:
        if call.args:
            raise self.refuse(call, f"name the fields: {of}(field=value)")
        for k in call.keywords:
            if k.arg is None or of.field(k.arg) is None:
                raise self.refuse(k, f"{a(of)} has no field {k.arg!r}", field_hint(str(k.arg), of))
        return {str(k.arg): k.value for k in call.keywords}

    def _evaluated(
        self, value: Expr | Place | NoneValue, field: str, out: list[Stmt], node: ast.AST, *, keep: bool
    ) -> Expr | Place | NoneValue:
        """Python evaluates all fields before it stores the first: a value that reads the state is kept meanwhile."""
        if isinstance(value, NoneValue):
            return value
        loaded = self.load(value, node)
        if keep or not reads_state(loaded):
            return loaded
        name = self.fresh(f"{field}_value")
        self.mentioned.add(name)
        out.append(ir.Assign(name, loaded, loaded.type, False, self.loc(node)))
        return ir.Local(name, loaded.type, self.loc(node))

    def _default_code(self, of: StructType, name: str, kind: Scalar, call: ast.Call) -> int:
        default = getattr(of.cls, name, None)
        if default is None and not isinstance(kind, OptionalType):
            raise self.refuse(call, f"field {name!r} has no default", f"give it a value: {of}({name}=...)")
        return default.bits if isinstance(default, Mask) else encode(kind, default)

    def writes(self, node: ast.AST, inside: Loc | None = None) -> None:
        """The node writes; `inside` a function that it calls."""
        if self.pure:
            raise self.refuse(
                node, "this function returns a value, so it must not change state", "annotate it `-> None`"
            )
        self.wrote = self.wrote or inside or self.loc(node)


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
