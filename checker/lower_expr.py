"""Expressions of a model: Python AST -> typed IR."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

from checker import ir
from checker.ir import BOOL, Expr, Loc, Place
from checker.refusal import INSTEAD, Refused, did_you_mean, loc_of
from model.finite import (
    BoolType,
    EnumType,
    IntType,
    Mask,
    MaskType,
    OptionalType,
    Scalar,
    StructType,
    TableType,
    Type,
)
from model.lang import Scope, Struct, require


@dataclass(frozen=True, slots=True)
class NoneValue:
    loc: Loc


PlaceTypes = ir.State | ir.Before | ir.Alias | ir.FieldOf | ir.RowOf
Value: TypeAlias = Expr | Place | NoneValue
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@dataclass
class Signature:
    """What a caller needs to know of a function."""

    name: str
    params: tuple[ir.Param, ...]
    returns: Scalar | None
    writes: bool
    guards: bool


class Linker(Protocol):
    """The program under construction, as a function's lowering sees it."""

    scope: Scope
    state: StructType

    def method(self, name: str, after: type | None) -> Signature | None: ...
    def method_names(self) -> list[str]: ...
    def constant(self, name: str) -> Any: ...


@dataclass
class Env:
    """Names that are bound at this point: scalars by value (perhaps narrowed), aliases to places."""

    values: dict[str, Expr | Place] = field(default_factory=dict[str, Expr | Place])
    maybe_unset: set[str] = field(default_factory=set[str])

    def copy(self) -> Env:
        return Env(dict(self.values), set(self.maybe_unset))


class ExpressionLowering:
    """Lowers the expressions of one function. `env` is replaced as statements are passed."""

    def __init__(self, linker: Linker, file: str, globals_: dict[str, Any], owner: type | None) -> None:
        self.linker, self.file, self.globals, self.owner = linker, file, globals_, owner
        self.env = Env()
        self.reads_before = False

    # --- small helpers ---

    def loc(self, node: ast.AST) -> Loc:
        return loc_of(node, self.file)

    def refuse(self, node: ast.AST, message: str, hint: str = "") -> Refused:
        return Refused(self.loc(node), message, hint)

    def unsupported(self, node: ast.AST) -> Refused:
        what = f"`{ast.unparse(node)}` is not in the language" if isinstance(node, ast.expr) else "not in the language"
        message, hint = INSTEAD.get(type(node), (what, "see checker/LANGUAGE.md for what is"))
        return self.refuse(node, message, hint)

    def scalar(self, node: ast.expr) -> Expr:
        """A value that is not None and not a record."""
        value = self.value(node)
        if isinstance(value, NoneValue):
            raise self.refuse(node, "None has no meaning here", "compare with `is None`, or store it into an optional")
        return self.load(value, node)

    def load(self, value: Expr | Place, node: ast.AST) -> Expr:
        if not isinstance(value, PlaceTypes):
            return value
        if isinstance(value.type, StructType | TableType):
            raise self.refuse(node, f"a {value.type} is a record, not a value", "name one of its fields")
        return ir.Load(value, value.type, self.loc(node))

    def condition(self, node: ast.expr) -> Expr:
        """A bool; a mask counts as "not empty"."""
        value = self.scalar(node)
        match value.type:
            case BoolType():
                return value
            case MaskType():
                empty = ir.Const(0, value.type, value.loc)
                return ir.Compare("!=", value, empty, BOOL, value.loc)
            case OptionalType():
                raise self.refuse(node, "an optional is not a condition: 0 would count as absent", "write `is not None`")
            case _:
                raise self.refuse(node, f"a {value.type} is not a condition", "write a comparison")

    def place(self, node: ast.expr, what: str) -> Place:
        value = self.value(node)
        if not isinstance(value, PlaceTypes):
            raise self.refuse(node, f"{what} needs a field of the state", "name a field, e.g. self.apic[cpu].irr")
        return value

    def coerce(self, value: Value, target: Scalar, node: ast.AST) -> tuple[Expr, bool]:
        """The value as one of `target`, and whether its range must be checked at run time."""
        loc = self.loc(node)
        if isinstance(value, NoneValue):
            if isinstance(target, OptionalType):
                return ir.Const(0, target, loc), False
            raise self.refuse(node, f"None is not a {target}", "make the type optional: `X | None`")
        value = self.load(value, node)
        match target, value.type:
            case IntType(), IntType():
                return value, self._outside(value.type, target, node)
            case OptionalType(of=of), IntType() | EnumType():
                inner, check = self.coerce(value, of, node)
                return ir.Wrap(inner, target, loc), check
            case OptionalType(of=IntType() as of), OptionalType(of=IntType() as given):
                return value, self._outside(given, of, node)
            case (IntType() | EnumType()), OptionalType(of=of) if type(of) is type(target):
                raise self.refuse(node, "this may be None here", "test `is not None` first, or use require(...)")
            case _ if target == value.type:
                return value, False
        raise self.refuse(node, f"a {value.type} is not a {target}")

    def _outside(self, given: IntType, target: IntType, node: ast.AST) -> bool:
        if given.index and target.index and given.index != target.index:
            raise self.refuse(node, f"an index of {given.index!r} is not an index of {target.index!r}")
        return not (target.lo <= given.lo and given.hi <= target.hi)

    # --- dispatch ---

    def value(self, node: ast.expr) -> Value:
        """Lower any expression: a scalar, a place (record, table, mask) or None."""
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            raise self.unsupported(node)
        return cast(Callable[[ast.expr], Value], handler)(node)

    def _constant(self, node: ast.Constant) -> Value:
        if node.value is None:
            return NoneValue(self.loc(node))
        return self._python_constant(node.value, node)

    def _python_constant(self, value: Any, node: ast.AST) -> Expr:
        if isinstance(value, bool):
            return ir.Const(int(value), BOOL, self.loc(node))
        if isinstance(value, int):
            return ir.Const(value, IntType(value, value), self.loc(node))
        if isinstance(value, enum.Enum):
            of = EnumType(type(value))
            return ir.Const(of.members.index(value), of, self.loc(node))
        raise self.refuse(node, f"{value!r} is not a value of the language", "use a bool, an int or an Enum member")

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.env.maybe_unset:
            raise self.refuse(node, f"{name!r} may be unset here", "give it a value before the `if` or the loop")
        if name in self.env.values:
            return self.env.values[name]
        if name in self.globals and isinstance(self.globals[name], bool | int | enum.Enum):
            return self._python_constant(self.globals[name], node)
        if name in self.globals:
            raise self.refuse(node, f"{name!r} is not a value of the language here")
        raise self.refuse(node, f"unknown name {name!r}", did_you_mean(name, self.env.values))

    def _attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in self.env.values:
            return self._of_global(node, self.globals.get(node.value.id), node.value.id)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "scope":
            root = self.value(node.value.value)
            if isinstance(root, ir.State | ir.Before):
                return self._of_scope(node)
        base = self.value(node.value)
        if isinstance(base, PlaceTypes) and isinstance(base.type, StructType):
            return self._field(node, base, base.type)
        raise self.refuse(node, f"{ast.unparse(node.value)} has no fields")

    def _of_global(self, node: ast.Attribute, base: Any, name: str) -> Value:
        if inspect.isclass(base) and issubclass(base, enum.Enum):
            if node.attr in base.__members__:
                return self._python_constant(base[node.attr], node)
            raise self.refuse(node, f"{name} has no member {node.attr!r}", did_you_mean(node.attr, base.__members__))
        if base is None:
            raise self.refuse(node.value, f"unknown name {name!r}", did_you_mean(name, [*self.env.values, *self.globals]))
        raise self.refuse(node, f"`{ast.unparse(node)}` is not a value of the language")

    def _of_scope(self, node: ast.Attribute) -> Value:
        scope = self.linker.scope
        if node.attr in scope.sizes():
            return self._python_constant(scope.sizes()[node.attr], node)
        if node.attr in scope.choices():
            choice = scope.choices()[node.attr]
            of: Scalar = BOOL if isinstance(choice, bool) else EnumType(type(choice))
            return ir.Choice(node.attr, of, self.loc(node))
        raise self.refuse(node, f"the scope has no {node.attr!r}", did_you_mean(node.attr, vars(scope)))

    def _field(self, node: ast.Attribute, base: Place, of: StructType) -> Value:
        kind = of.field(node.attr)
        if kind is not None:
            return ir.FieldOf(base, node.attr, kind)
        if isinstance(base, ir.State | ir.Before):
            constant = self.linker.constant(node.attr)
            if isinstance(constant, bool | int | enum.Enum):
                return self._python_constant(constant, node)
            if constant is not None:
                raise self.refuse(node, f"{node.attr!r} is a function", f"call it: {ast.unparse(node)}(...)")
        owner = "this system" if isinstance(base, ir.State | ir.Before) else str(of)
        names = [name for name, _ in of.fields]
        raise self.refuse(node, f"{owner} has no field {node.attr!r}", did_you_mean(node.attr, names))

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.value(node.value)
        if not isinstance(base, PlaceTypes) or not isinstance(base.type, TableType):
            raise self.refuse(node.value, f"`{ast.unparse(node.value)}` is not a Table")
        index = self.scalar(node.slice)
        if isinstance(index.type, OptionalType):
            raise self.refuse(node.slice, "the index may be None here", "test `is not None` first")
        of = base.type.index
        if not isinstance(index.type, IntType):
            raise self.refuse(node.slice, f"a {index.type} is not an index of {of.index or of}")
        if self._outside(index.type, of, node.slice):
            raise self.refuse(node.slice, f"the index may be {index.type.hi}, but the table has {of.hi + 1} rows")
        return ir.RowOf(base, index, base.type.row)

    # --- operators ---

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return ir.Not(self.condition(node.operand), BOOL, self.loc(node))
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int):
            return self._python_constant(-node.operand.value, node)
        raise self.unsupported(node)

    def _boolop(self, node: ast.BoolOp) -> Value:
        op = "and" if isinstance(node.op, ast.And) else "or"
        saved, parts = self.env, list[Expr]()
        for operand in node.values:
            parts.append(self.condition(operand))
            self.env = self.narrowed(operand, truth=op == "and")
        self.env = saved
        whole = parts[-1]
        for part in reversed(parts[:-1]):
            whole = ir.Logic(op, part, whole, BOOL, self.loc(node))
        return whole

    def _ifexp(self, node: ast.IfExp) -> Value:
        saved, test = self.env, self.condition(node.test)
        self.env = self.narrowed(node.test, truth=True)
        then = self.value(node.body)
        self.env = saved
        self.env = self.narrowed(node.test, truth=False)
        other = self.value(node.orelse)
        self.env = saved
        of = self._common(then, other, node)
        a, b = self.coerce(then, of, node.body)[0], self.coerce(other, of, node.orelse)[0]
        return ir.IfElse(test, a, b, of, self.loc(node))

    def _common(self, a: Value, b: Value, node: ast.AST) -> Scalar:
        kinds = [None if isinstance(v, NoneValue) else self.load(v, node).type for v in (a, b)]
        if kinds[0] == kinds[1] and kinds[0] is not None:
            return kinds[0]
        match kinds:
            case [IntType() as x, IntType() as y]:
                return IntType(min(x.lo, y.lo), max(x.hi, y.hi), x.index or y.index)
            case [None, (IntType() | EnumType()) as x] | [(IntType() | EnumType()) as x, None]:
                return OptionalType(x)
            case [None, OptionalType() as x] | [OptionalType() as x, None]:
                return x
        raise self.refuse(node, f"the two sides have different types: {kinds[0]} and {kinds[1]}")

    def _binop(self, node: ast.BinOp) -> Value:
        left, right = self.scalar(node.left), self.scalar(node.right)
        masks = {ast.BitOr: "|", ast.BitAnd: "&", ast.Sub: "-"}
        if isinstance(left.type, MaskType) and left.type == right.type and type(node.op) in masks:
            return ir.MaskOp(masks[type(node.op)], left, right, left.type, self.loc(node))
        match node.op, left.type, right.type:
            case ast.Add(), IntType(a, b), IntType(c, d):
                return ir.Arith("+", left, right, IntType(a + c, b + d), self.loc(node))
            case ast.Sub(), IntType(a, b), IntType(c, d):
                return ir.Arith("-", left, right, IntType(a - d, b - c), self.loc(node))
            case _:
                raise self.refuse(
                    node, f"`{ast.unparse(node)}` is not in the language",
                    "ints have + and -, masks of one index have | & and -",
                )  # fmt: skip

    def _compare(self, node: ast.Compare) -> Value:
        parts = list[Expr]()
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._comparison(node, op, left, right))
            left = right
        whole = parts[-1]
        for part in reversed(parts[:-1]):
            whole = ir.Logic("and", part, whole, BOOL, self.loc(node))
        return whole

    def _comparison(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._is_none(node, op, left, right)
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(node, left, right)
            return ir.Not(found, BOOL, self.loc(node)) if isinstance(op, ast.NotIn) else found
        return self._ordering(node, COMPARISONS[type(op)], left, right)

    def _is_none(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if not isinstance(self.value(right), NoneValue):
            raise self.refuse(node, "`is` only compares with None", "write == or !=")
        value = self.scalar(left)
        if not isinstance(value.type, OptionalType):
            raise self.refuse(left, f"`{ast.unparse(left)}` is never None here")
        some = ir.IsSome(value, BOOL, self.loc(node))
        return some if isinstance(op, ast.IsNot) else ir.Not(some, BOOL, self.loc(node))

    def _membership(self, node: ast.Compare, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(right, ast.Tuple):
            tests = [self._ordering(node, "==", left, item) for item in right.elts]
            whole = tests[-1]
            for test in reversed(tests[:-1]):
                whole = ir.Logic("or", test, whole, BOOL, self.loc(node))
            return whole
        mask = self.scalar(right)
        if not isinstance(mask.type, MaskType):
            raise self.refuse(right, f"`in` needs a Mask, or a tuple of values; this is a {mask.type}")
        return ir.Contains(mask, self.element(mask.type, left), BOOL, self.loc(node))

    def element(self, of: MaskType, node: ast.expr) -> Expr:
        """An index that the mask has a bit for."""
        element, check = self.coerce(self.value(node), of.of, node)
        if check:
            raise self.refuse(node, f"this may be outside the mask's bits {of.of}")
        return element

    def _ordering(self, node: ast.Compare, op: str, left: ast.expr, right: ast.expr) -> Expr:
        a, b = self.value(left), self.value(right)
        if isinstance(a, NoneValue) or isinstance(b, NoneValue):
            raise self.refuse(node, "None is compared with `is`", "write `is None` or `is not None`")
        x, y = self.load(a, left), self.load(b, right)
        match x.type, y.type:
            case IntType(), IntType():
                self._outside(x.type, y.type, node)
            case OptionalType(of=IntType()), IntType() if op in ("==", "!="):
                y = ir.Wrap(y, OptionalType(y.type), y.loc)
            case IntType(), OptionalType(of=IntType()) if op in ("==", "!="):
                x = ir.Wrap(x, OptionalType(x.type), x.loc)
            case OptionalType(of=EnumType() as e), EnumType() as f if e == f and op in ("==", "!="):
                y = ir.Wrap(y, OptionalType(f), y.loc)
            case (OptionalType(), IntType()) | (IntType(), OptionalType()):
                raise self.refuse(node, "one side may be None here", "test `is not None` first")
            case s, t if s == t and op in ("==", "!="):
                pass
            case s, t:
                raise self.refuse(node, f"cannot compare a {s} with a {t} by {op}")
        return ir.Compare(op, x, y, BOOL, self.loc(node))

    # --- calls ---

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("any", "all"):
            return self._quantified(node, function.id)
        if isinstance(function, ast.Name) and self.globals.get(function.id) is require:
            raise self.refuse(node, "require(...) must stand on a line of its own", "write `x = require(...)` first")
        if isinstance(function, ast.Name):
            return self._other_call(node, function)
        signature = self.method_called(node)
        if signature is not None:
            if signature.returns is None:
                raise self.refuse(node, f"{signature.name}() changes state and has no value")
            return ir.Call(signature.name, self.arguments(node, signature), signature.returns, self.loc(node))
        if isinstance(function, ast.Attribute):
            return self._mask_method(node, function)
        raise self.unsupported(node)

    def _other_call(self, node: ast.Call, function: ast.Name) -> Value:
        target = self.globals.get(function.id)
        if target is Mask and not node.args:
            raise self.refuse(node, "an empty Mask is made where a field is declared", "use .clear() to empty a mask")
        if inspect.isclass(target) and issubclass(target, Struct):
            raise self.refuse(node, f"a {function.id} can only be stored into a row or field", "self.table[i] = ...")
        names = ["any", "all", "require"]
        raise self.refuse(node, f"{function.id}() is not in the language", did_you_mean(function.id, names))

    def method_called(self, node: ast.Call) -> Signature | None:
        """The method of the system that a call names (self.f(...) or super().f(...)), if it is one."""
        function = node.func
        if not isinstance(function, ast.Attribute):
            return None
        base, after = function.value, None
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super":
            after = self.owner
        elif not (isinstance(base, ast.Name) and isinstance(self.env.values.get(base.id), ir.State)):
            return None
        found = self.linker.method(function.attr, after)
        if found is None:
            hint = did_you_mean(function.attr, self.linker.method_names())
            raise self.refuse(function, f"this system has no function {function.attr!r}", hint)
        return found

    def arguments(self, node: ast.Call, signature: Signature) -> tuple[Expr | Place, ...]:
        """Arguments in parameter order, each coerced to its parameter's type."""
        given: dict[str, ast.expr] = dict(zip((p.name for p in signature.params), node.args, strict=False))
        named = {k.arg: k.value for k in node.keywords if k.arg is not None}
        wanted = [p.name for p in signature.params]
        if len(node.args) + len(node.keywords) != len(wanted) or {*given, *named} != set(wanted):
            raise self.refuse(node, f"{signature.name}() takes ({', '.join(wanted)})")
        given |= named
        return tuple(self._argument(p, given[p.name], signature) for p in signature.params)

    def _argument(self, param: ir.Param, node: ast.expr, signature: Signature) -> Expr | Place:
        of = param.type
        if isinstance(of, StructType | TableType | MaskType):
            place = self.place(node, f"parameter {param.name!r} of {signature.name}()")
            if place.type != of:
                raise self.refuse(node, f"parameter {param.name!r} of {signature.name}() is a {of}, not a {place.type}")
            return place
        value, check = self.coerce(self.value(node), of, node)
        if check:
            raise self.refuse(node, f"this may be outside {of}, the range of parameter {param.name!r}")
        return value

    def _mask_method(self, node: ast.Call, function: ast.Attribute) -> Value:
        mask = self.scalar(function.value)
        if not isinstance(mask.type, MaskType) or function.attr not in ("highest", "lowest") or node.args:
            hint = did_you_mean(function.attr, ["highest", "lowest", "add", "discard", "clear", "items", "values"])
            raise self.refuse(node, f"`{ast.unparse(node)}` has no value in the language", hint)
        return ir.MaskPick(function.attr, mask, OptionalType(mask.type.of), self.loc(node))

    def _quantified(self, node: ast.Call, op: str) -> Value:
        generator = node.args[0] if len(node.args) == 1 else None
        if not isinstance(generator, ast.GeneratorExp) or len(generator.generators) != 1:
            raise self.refuse(node, f"{op}(...) takes one generator", f"{op}(v in apic.irr for apic in self.apic.values())")
        saved, clause = self.env, generator.generators[0]
        self.env = self.env.copy()
        var, over, bound, member = self.iteration(clause.target, clause.iter)
        self.env.values.update(bound)
        tests = [*([member] if member is not None else []), *map(self.condition, clause.ifs)]
        body = self.condition(generator.elt)
        self.env = saved
        for test in reversed(tests):
            loc = self.loc(node)
            body = ir.Logic("and", test, body, BOOL, loc) if op == "any" else ir.Logic("or", ir.Not(test, BOOL, loc), body, BOOL, loc)
        return ir.Quantified(op, var, over, body, BOOL, self.loc(node))

    # --- iteration, shared by `for` and any/all ---

    def iteration(
        self, target: ast.expr, source: ast.expr
    ) -> tuple[str, IntType, dict[str, Expr | Place], Expr | None]:
        """(index variable, its range, names bound in the body, membership test) of `for target in source`."""
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and not source.args:
            base, how = source.func.value, source.func.attr
        else:
            base, how = source, "keys"
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "range":
            return self._range(target, source)
        over = self.value(base)
        if isinstance(over, NoneValue):
            raise self.refuse(source, "cannot loop over None")
        if isinstance(over.type, TableType) and isinstance(over, PlaceTypes):
            return self._over_table(target, source, over, over.type, how)
        if isinstance(over.type, MaskType) and how == "keys" and isinstance(target, ast.Name):
            of, mask = over.type.of, self.load(over, source)
            index = ir.Local(target.id, of, self.loc(target))
            return target.id, of, {target.id: index}, ir.Contains(mask, index, BOOL, self.loc(source))
        raise self.refuse(source, "loops run over a Table, its .items() or .values(), a Mask, or range(a size)")

    def _range(self, target: ast.expr, source: ast.Call) -> tuple[str, IntType, dict[str, Expr | Place], None]:
        bound = self.scalar(source.args[0]) if len(source.args) == 1 else None
        if not isinstance(bound, ir.Const) or not isinstance(target, ast.Name):
            raise self.refuse(source, "range(...) takes one constant or one size of the scope")
        argument = source.args[0]
        name = argument.attr if isinstance(argument, ast.Attribute) else ""
        of = IntType(0, bound.code - 1, name)
        return target.id, of, {target.id: ir.Local(target.id, of, self.loc(target))}, None

    def _over_table(
        self, target: ast.expr, source: ast.expr, table: Place, of: TableType, how: str
    ) -> tuple[str, IntType, dict[str, Expr | Place], None]:
        names = [t.id for t in (target.elts if isinstance(target, ast.Tuple) else [target]) if isinstance(t, ast.Name)]
        wanted = {"keys": 1, "values": 1, "items": 2}.get(how)
        if wanted is None or len(names) != wanted:
            raise self.refuse(source, f"`{ast.unparse(source)}` gives {wanted or 'no'} name(s), not {len(names)}")
        key = names[0] if how != "values" else f"{names[0]}_index"
        index = ir.Local(key, of.index, self.loc(target))
        row = ir.RowOf(table, index, of.row)
        row_value: Expr | Place = row
        if not isinstance(of.row, StructType | TableType | MaskType):
            row_value = ir.Load(row, of.row, self.loc(target))
        bound: dict[str, Expr | Place] = {key: index} if how != "values" else {}
        if how != "keys":
            bound[names[-1]] = row_value
        return key, of.index, bound, None

    # --- narrowing of optionals ---

    def narrowed(self, test: ast.expr, *, truth: bool) -> Env:
        """The environment in which `test` is known to be `truth`."""
        env = self.env.copy()
        for name in self._not_none(test, truth):
            value = env.values.get(name)
            if isinstance(value, ir.Local) and isinstance(value.type, OptionalType):
                env.values[name] = ir.Unwrap(value, value.type.of, value.loc)
        return env

    def _not_none(self, test: ast.expr, truth: bool) -> Sequence[str]:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._not_none(operand, not truth)
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == truth:
                return [name for v in values for name in self._not_none(v, truth)]
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=None)]):
                return [name] if isinstance(op, ast.IsNot) == truth and isinstance(op, ast.Is | ast.IsNot) else []
        return []


