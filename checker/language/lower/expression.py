"""Expressions: Python AST -> typed IR. Calls are in calls.py; any, all and what loops run over are in loops.py."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Callable, Sequence

from checker.language import ir
from checker.language.c_habits import bit_operation_hint, increment_hint, name_hint
from checker.language.ir import BOOL, Expr, Place
from checker.language.lower.calls import Calls
from checker.language.lower.checks import LARGEST
from checker.language.lower.context import Context, Env, NoneValue, PlaceTypes, Value
from checker.language.lower.convert import as_bool, by_loop, coerce, constant, load, may_be_none, optional, outside
from checker.language.lower.loops import Loops
from checker.language.refusal import a, did_you_mean, field_hint
from checker.language.source import MISSING
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
LOGIC: dict[type[ast.operator], ast.boolop] = {ast.BitAnd: ast.And(), ast.BitOr: ast.Or()}
MASK_OPERATORS: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.BitAnd: "&", ast.Sub: "-"}


class Expressions:
    """The expressions of one function."""

    def __init__(self, context: Context) -> None:
        self.ctx = context
        self.loops = Loops(context, self)
        self.calls = Calls(context, self, self.loops)

    def value(self, node: ast.expr) -> Value:
        """Lower any expression: a scalar, a place (record, table, mask) or None."""
        match node:
            case ast.Constant(value=None):
                return NoneValue(self.ctx.loc(node))
            case ast.Constant(value=value):
                return constant(self.ctx, value, node)
            case ast.Name():
                return self._name(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.UnaryOp():
                return self._unaryop(node)
            case ast.BoolOp():
                return self._logical(node, self.bool_value)
            case ast.IfExp():
                return self._ifexp(node)
            case ast.BinOp():
                return self._binop(node)
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self.calls.value(node)
            case _:
                raise self.ctx.unsupported(node)

    def scalar(self, node: ast.expr) -> Expr:
        """A value that is not None and not a record."""
        value = self.value(node)
        if isinstance(value, NoneValue):
            raise self.ctx.refuse(
                node, "None has no meaning here", "compare with `is None`, or store it into an optional"
            )
        return load(self.ctx, value, node)

    def condition(self, node: ast.expr) -> Expr:
        """A test whose truth alone matters. A mask counts as "not empty"."""
        value = self._logical(node, self.condition) if isinstance(node, ast.BoolOp) else self.scalar(node)
        if not isinstance(value.type, MaskType):
            return as_bool(self.ctx, value, node)
        return ir.Compare("!=", value, ir.Const(0, value.type, value.loc), BOOL, value.loc)

    def bool_value(self, node: ast.expr) -> Expr:
        """A bool that is kept, returned or required. A mask is none: in Python it would stay a mask."""
        return as_bool(self.ctx, self.scalar(node), node)

    def place(self, node: ast.expr, what: str) -> Place:
        value = self.value(node)
        if not isinstance(value, PlaceTypes):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=name):
                    hint = f"a field is declared with its type: `{name}: bool`"
                    raise self.ctx.refuse(node, f"{name!r} is a constant of the class, and {what} needs a field", hint)
                case _:
                    hint = "name a field, e.g. self.apic[cpu].irr"
                    raise self.ctx.refuse(node, f"{what} needs a field of the state", hint)
        return value

    # --- names, fields, rows ---

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.ctx.env.maybe_unset or (name in self.ctx.stored and name not in self.ctx.env.values):
            hint = "give it a value before the `if` or the loop"
            if name in self.ctx.globals:
                hint = "a line of this function assigns it, which makes it a local: use another name"
            raise self.ctx.refuse(node, f"{name!r} may have no value here", hint)
        if name in self.ctx.env.values:
            return self.ctx.env.values[name]
        means = self.ctx.meaning(name)
        if isinstance(means, bool | int | enum.Enum):
            return constant(self.ctx, means, node)
        if name in self.ctx.globals:
            hint = "inside a class, Python takes it for another name: drop an `_`" if name.startswith("__") else ""
            raise self.ctx.refuse(node, f"{name!r} is not a value of the language here", hint)
        raise self.ctx.refuse(
            node, f"unknown name {name!r}", name_hint(name) or did_you_mean(name, self.ctx.env.values)
        )

    def _attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in {
            *self.ctx.env.values,
            *self.ctx.env.maybe_unset,
            *self.ctx.stored,
        }:
            return self._of_global(node, self.ctx.meaning(node.value.id), node.value.id)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "scope":
            root = self.value(node.value.value)
            if isinstance(root, ir.State | ir.Before):
                return self._of_scope(node)
        base = self.value(node.value)
        if isinstance(base, ir.State | ir.Before):
            return self._of_system(node, base)
        if isinstance(base, PlaceTypes) and isinstance(base.type, StructType):
            return self._field(node, base, base.type)
        if isinstance(base, NoneValue):
            raise self.ctx.refuse(node, "None has no fields")
        if isinstance(base.type, TableType):
            raise self.ctx.refuse(
                node,
                f"{ast.unparse(node.value)} is {a(base.type)}",
                f"name a row: {ast.unparse(node.value)}[...].{node.attr}",
            )
        raise self.ctx.refuse(node, f"{ast.unparse(node.value)} is {a(base.type)} and has no fields")

    def _of_global(self, node: ast.Attribute, base: object, name: str) -> Value:
        if inspect.isclass(base) and issubclass(base, enum.Enum):
            if node.attr in base.__members__:
                return constant(self.ctx, base[node.attr], node)
            raise self.ctx.refuse(
                node, f"{name} has no member {node.attr!r}", did_you_mean(node.attr, base.__members__)
            )
        if base is MISSING:
            raise self.ctx.refuse(
                node.value, f"unknown name {name!r}",
                name_hint(name) or did_you_mean(name, [*self.ctx.env.values, *self.ctx.globals]),
            )  # fmt: skip
        raise self.ctx.refuse(
            node, f"`{ast.unparse(node)}` is not a value of the language", "Enum members are: Trigger.LEVEL"
        )

    def _of_scope(self, node: ast.Attribute) -> Value:
        scope = self.ctx.linker.scope
        if node.attr in scope.sizes():
            return constant(self.ctx, scope.sizes()[node.attr], node)
        if node.attr in scope.choices():
            choice = scope.choices()[node.attr]
            of: Scalar = BOOL if isinstance(choice, bool) else EnumType(type(choice))
            return ir.Choice(node.attr, of, self.ctx.loc(node))
        raise self.ctx.refuse(node, f"the scope has no {node.attr!r}", did_you_mean(node.attr, vars(scope)))

    def _field(self, node: ast.Attribute, base: Place, of: StructType) -> Value:
        kind = of.field(node.attr)
        if kind is not None:
            return ir.FieldOf(base, node.attr, kind)
        raise self.ctx.refuse(node, f"a {of} record has no field {node.attr!r}", field_hint(node.attr, of))

    def _of_system(self, node: ast.Attribute, base: ir.State | ir.Before) -> Value:
        """A field of the system, or a constant of its class."""
        kind = self.ctx.linker.field(node.attr)
        if kind is not None:
            return ir.FieldOf(base, node.attr, kind)
        member = self.ctx.linker.constant(node.attr)
        if isinstance(member, bool | int | enum.Enum):
            return constant(self.ctx, member, node)
        if callable(member):
            raise self.ctx.refuse(node, f"{node.attr!r} is a function", f"call it: {ast.unparse(node)}(...)")
        if node.attr == "scope":
            raise self.ctx.refuse(node, "the scope is not a value", "name what you need of it, e.g. self.scope.pins")
        hint = field_hint(node.attr, self.ctx.linker.state)
        raise self.ctx.refuse(node, f"this system has no field {node.attr!r}", hint)

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.value(node.value)
        if not isinstance(base, NoneValue) and isinstance(base.type, MaskType):
            mask, bit = ast.unparse(node.value), ast.unparse(node.slice)
            stored = f"write `{mask}.add({bit})` for `= True`, `{mask}.discard({bit})` for `= False`"
            hint = stored if isinstance(node.ctx, ast.Store) else f"write `{bit} in {mask}`"
            raise self.ctx.refuse(node.value, f"`{mask}` is not a Table, so it has no rows", hint)
        if not isinstance(base, PlaceTypes) or not isinstance(base.type, TableType):
            raise self.ctx.refuse(node.value, f"`{ast.unparse(node.value)}` is not a Table, so it has no rows")
        index = self.scalar(node.slice)
        if isinstance(index.type, OptionalType):
            raise may_be_none(self.ctx, node.slice, "the index")
        of = base.type.index
        if not isinstance(index.type, IntType):
            raise self.ctx.refuse(node.slice, f"this is {a(index.type)}, and {a(of)} is needed")
        if outside(self.ctx, index.type, of, node.slice):
            values = f"{index.type.lo}..{index.type.hi}" if index.type.lo != index.type.hi else f"{index.type.lo}"
            raise self.ctx.refuse(
                node.slice, f"the index is {values}, and the table has rows 0..{of.hi}", by_loop(node.slice)
            )
        return ir.RowOf(base, index, base.type.row)

    # --- operators ---

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return ir.Not(self.condition(node.operand), BOOL, self.ctx.loc(node))
        if (
            isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
            and isinstance(node.operand.value, int)
        ):
            return constant(self.ctx, -node.operand.value, node)
        if increment_hint(node):
            raise self.ctx.refuse(node, f"`{ast.unparse(node)}` changes nothing here", increment_hint(node))
        raise self.ctx.unsupported(node)

    def _logical(self, node: ast.BoolOp, operand: Callable[[ast.expr], Expr]) -> Expr:
        op = "and" if isinstance(node.op, ast.And) else "or"
        saved, parts = self.ctx.env, list[Expr]()
        for each in node.values:
            parts.append(operand(each))
            self.ctx.env = self.narrowed(each, truth=op == "and")
        self.ctx.env = saved
        return self._chained(op, parts, node)

    def _chained(self, op: str, parts: Sequence[Expr], node: ast.AST) -> Expr:
        whole = parts[-1]
        for part in reversed(parts[:-1]):
            whole = ir.Logic(op, part, whole, BOOL, self.ctx.loc(node))
        return whole

    def _ifexp(self, node: ast.IfExp) -> Value:
        saved, test = self.ctx.env, self.condition(node.test)
        self.ctx.env = self.narrowed(node.test, truth=True)
        then = self.value(node.body)
        self.ctx.env = saved
        self.ctx.env = self.narrowed(node.test, truth=False)
        other = self.value(node.orelse)
        self.ctx.env = saved
        of = self._common(then, other, node)
        left, right = coerce(self.ctx, then, of, node.body)[0], coerce(self.ctx, other, of, node.orelse)[0]
        return ir.IfElse(test, left, right, of, self.ctx.loc(node))

    def _common(self, x: Value, y: Value, node: ast.IfExp) -> Scalar:
        """The type that holds the values of both sides."""
        for value, side in ((x, node.body), (y, node.orelse)):
            if isinstance(value, PlaceTypes) and isinstance(value.type, MaskType):
                raise self.ctx.refuse(
                    side, "this would name a mask, not copy it", "use if / else, or make a new one with | & -"
                )
        kinds = [None if isinstance(v, NoneValue) else load(self.ctx, v, node).type for v in (x, y)]
        if kinds[0] == kinds[1] and kinds[0] is not None:
            return kinds[0]
        plain = [k.of if isinstance(k, OptionalType) else k for k in kinds]
        may_be_absent = None in kinds or any(isinstance(k, OptionalType) for k in kinds)
        match plain:
            case [IntType() as p, IntType() as q]:
                outside(self.ctx, p, q, node)
                of: IntType | EnumType = IntType(min(p.lo, q.lo), max(p.hi, q.hi), p.index or q.index)
            case [(IntType() | EnumType()) as p, q] if q is None or q == p:
                of = p
            case [None, (IntType() | EnumType()) as q]:
                of = q
            case [p, q]:
                said = ["None" if k is None else a(k) for k in kinds]
                raise self.ctx.refuse(node, f"the two values have different types: {said[0]} and {said[1]}")
            case _:
                raise AssertionError(plain)
        return optional(self.ctx, of, node) if may_be_absent else of

    def _binop(self, node: ast.BinOp) -> Value:
        if isinstance(node.op, ast.FloorDiv):  # before its operands: in C they are words of a comment
            raise self.ctx.refuse(
                node, "`//` begins no comment here, and there is no division", "write `# ...` for `// ...`"
            )
        left = self.scalar(node.left)
        if isinstance(left.type, MaskType) and (hint := bit_operation_hint(node)):
            raise self.ctx.refuse(
                node.right, f"`{ast.unparse(node.right)}` is a number, and this is a Mask, a set", hint
            )
        right = self.scalar(node.right)
        if isinstance(left.type, MaskType) and left.type == right.type and type(node.op) in MASK_OPERATORS:
            return ir.MaskOp(MASK_OPERATORS[type(node.op)], left, right, left.type, self.ctx.loc(node))
        match node.op, left.type, right.type:
            case ast.Add(), IntType(lo, hi), IntType(c, d):
                return self._arith("+", left, right, IntType(lo + c, hi + d), node)
            case ast.Sub(), IntType(lo, hi), IntType(c, d):
                return self._arith("-", left, right, IntType(lo - d, hi - c), node)
            case ast.Add() | ast.Sub(), OptionalType(), _:
                raise may_be_none(self.ctx, node.left)
            case ast.Add() | ast.Sub(), _, OptionalType():
                raise may_be_none(self.ctx, node.right)
            case (ast.BitAnd() | ast.BitOr()) as op, BoolType(), BoolType():
                sign, word = ("&", "and") if isinstance(op, ast.BitAnd) else ("|", "or")
                joined = ast.unparse(ast.BoolOp(LOGIC[type(op)], [node.left, node.right]))
                if self.ctx.loc(node) == self.ctx.loc(
                    node.left
                ):  # of `&=` and `|=`, whose value stands where their target does
                    joined = f"{ast.unparse(node.left)} = {joined}"
                raise self.ctx.refuse(node, f"bools are joined by `{word}`, not by `{sign}`", f"write `{joined}`")
            case _:
                raise self.ctx.refuse(
                    node, f"`{ast.unparse(node)}` is not in the language",
                    "numbers have + and -; two masks of one index have | & and -",
                )  # fmt: skip

    def _arith(self, op: str, left: Expr, right: Expr, of: IntType, node: ast.AST) -> Expr:
        if max(abs(of.lo), abs(of.hi)) > LARGEST:
            raise self.ctx.refuse(node, "this number may become too large", f"numbers go to {LARGEST:#x}")
        return ir.Arith(op, left, right, of, self.ctx.loc(node))

    # --- comparisons ---

    def _compare(self, node: ast.Compare) -> Value:
        parts = list[Expr]()
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._comparison(node, op, left, right))
            left = right
        return self._chained("and", parts, node)

    def _comparison(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._is_none(node, op, left, right)
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(node, left, right)
            return ir.Not(found, BOOL, self.ctx.loc(node)) if isinstance(op, ast.NotIn) else found
        return self._ordering(node, COMPARISONS[type(op)], left, right)

    def _is_none(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if not isinstance(self.value(right), NoneValue):
            raise self.ctx.refuse(node, "`is` only compares with None", "write == or !=")
        value = self.scalar(left)
        if not isinstance(value.type, OptionalType):
            raise self.ctx.refuse(
                left, f"`{ast.unparse(left)}` is never None here", "the test always has the same answer: drop it"
            )
        some = ir.IsSome(value, BOOL, self.ctx.loc(node))
        return some if isinstance(op, ast.IsNot) else ir.Not(some, BOOL, self.ctx.loc(node))

    def _membership(self, node: ast.Compare, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(right, ast.Tuple) and right.elts:
            return self._chained("or", [self._ordering(node, "==", left, item) for item in right.elts], node)
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise self.ctx.refuse(right, "`in` takes a Mask, or a tuple of values", "write (A, B)")
        mask = self.scalar(right)
        if not isinstance(mask.type, MaskType):
            raise self.ctx.refuse(
                right, f"`in` needs a Mask, or a tuple of values; this is {a(mask.type)}", "write (A, B), or =="
            )
        return ir.Contains(mask, self.element(mask.type, left), BOOL, self.ctx.loc(node))

    def element(self, of: MaskType, node: ast.expr) -> Expr:
        """An index that the mask has a bit for."""
        element, check = coerce(self.ctx, self.value(node), of.of, node)
        if check:
            given = element.type
            assert isinstance(given, IntType)
            raise self.ctx.refuse(
                node, f"this is {a(given)}, and the mask has bits {of.of.lo}..{of.of.hi}", by_loop(node)
            )
        return element

    def _ordering(self, node: ast.Compare, op: str, left: ast.expr, right: ast.expr) -> Expr:
        given = self.value(left), self.value(right)
        if isinstance(given[0], NoneValue) or isinstance(given[1], NoneValue):
            raise self.ctx.refuse(node, "None is compared with `is`", "write `is None` or `is not None`")
        x, y = load(self.ctx, given[0], left), load(self.ctx, given[1], right)
        equality = op in ("==", "!=")
        match x.type, y.type:
            case IntType() as s, IntType() as t:
                self._same_index(s, t, node)
            case OptionalType(of=s), (IntType() | EnumType()) as t if equality and type(s) is type(t):
                y = self._wrapped(y, s, t, node, right)
            case (IntType() | EnumType()) as s, OptionalType(of=t) if equality and type(s) is type(t):
                x = self._wrapped(x, t, s, node, left)
            case OptionalType(of=IntType() as s), OptionalType(of=IntType() as t) if equality:
                self._same_index(s, t, node)
            case OptionalType(), IntType() | OptionalType():
                raise may_be_none(self.ctx, left)
            case IntType(), OptionalType():
                raise may_be_none(self.ctx, right)
            case s, t if s == t and equality:
                pass
            case s, t:
                hint = "only numbers have an order" if s == t else ""
                if isinstance(s, EnumType) and isinstance(t, IntType):
                    hint = f"name a member, e.g. {s}.{s.members[0].name}"
                raise self.ctx.refuse(node, f"cannot compare {a(s)} with {a(t)} by {op}", hint)
        return ir.Compare(op, x, y, BOOL, self.ctx.loc(node))

    def _same_index(self, s: IntType, t: IntType, node: ast.AST) -> None:
        if s.index and t.index and s.index != t.index:
            raise self.ctx.refuse(node, f"an index of {s.index} is compared with an index of {t.index}")

    def _wrapped(
        self, plain: Expr, of: IntType | EnumType, given: IntType | EnumType, node: ast.AST, side: ast.AST
    ) -> Expr:
        """A plain side of == whose other side is an optional of `of`."""
        if isinstance(of, IntType) and isinstance(given, IntType):
            self._same_index(of, given, node)
        elif of != given:
            raise self.ctx.refuse(node, f"cannot compare {a(given)} with {a(OptionalType(of))}")
        return ir.Wrap(plain, optional(self.ctx, given, side), plain.loc)

    # --- narrowing of optionals ---

    def narrowed(self, test: ast.expr, *, truth: bool) -> Env:
        """The environment in which `test` is known to be `truth`."""
        env = self.ctx.env.copy()
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
