"""Names, fields, rows and constants of a model's expressions: Python AST -> typed IR."""

from __future__ import annotations

import ast
import enum
import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

from checker.language import ir
from checker.language.c_habits import name_hint, number_hint
from checker.language.classes import check_enum
from checker.language.ir import BOOL, Expr, Loc, Param, Place
from checker.language.lower_checks import LARGEST
from checker.language.refusal import INSTEAD, Refused, a, did_you_mean, field_hint, loc_of
from checker.language.source import MISSING, meaning
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType
from model.lang import Scope, require

WORDS: dict[str, object] = {"any": any, "all": all, "range": range, "super": super, "require": require}
LOCAL = object()  # what a name means that is a parameter or a local of the function


@dataclass(frozen=True, slots=True)
class NoneValue:
    loc: Loc


PlaceTypes = ir.State | ir.Before | ir.Alias | ir.FieldOf | ir.RowOf
Value: TypeAlias = Expr | Place | NoneValue


@dataclass
class Signature:
    """What a caller needs to know of a function: also where its first write and its first `require` are, if anywhere."""

    name: str
    params: tuple[Param, ...]
    returns: Scalar | None
    write: Loc | None
    guard: Loc | None


class Linker(Protocol):
    """The program under construction, as a function's lowering sees it."""

    scope: Scope
    state: StructType

    def method(self, name: str, after: type | None) -> Signature | None: ...
    def method_names(self) -> list[str]: ...
    def constant(self, name: str) -> Any: ...
    def in_patch(self, loc: Loc) -> bool: ...


@dataclass
class Env:
    """Names that are bound at this point: scalars by value (perhaps narrowed), aliases to places."""

    values: dict[str, Expr | Place] = field(default_factory=dict[str, Expr | Place])
    maybe_unset: set[str] = field(default_factory=set[str])

    def copy(self) -> Env:
        return Env(dict(self.values), set(self.maybe_unset))


class NameLowering:
    """Dispatch, and the leaves of expressions. `env` is replaced as statements are passed.

    `stored`: every name that the function gives a value to; in Python that makes it a local everywhere in it.
    """

    def __init__(self, linker: Linker, function: types.FunctionType) -> None:
        self.linker, self.source = linker, function
        self.file, self.globals = function.__code__.co_filename, function.__globals__
        self.env = Env()
        self.stored: set[str] = set()
        self.mentioned: set[str] = set()
        self.in_generator = 0  # how many any(...) and all(...) are around this point

    # --- small helpers ---

    def loc(self, node: ast.AST) -> Loc:
        return loc_of(node, self.file)

    def refuse(self, node: ast.AST, message: str, hint: str = "") -> Refused:
        return Refused(self.loc(node), message, hint)

    def unsupported(self, node: ast.AST) -> Refused:
        what = (
            f"`{ast.unparse(node)}` is not in the language"
            if isinstance(node, ast.expr)
            else "this is not in the language"
        )
        message, hint = INSTEAD.get(type(node), (what, "checker/LANGUAGE.md says what is"))
        return self.refuse(node, message, hint)

    def fresh(self, wanted: str) -> str:
        """A name for a temporary that the function does not use itself."""
        while wanted in self.mentioned:
            wanted += "_"
        return wanted

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
            of = "the whole system" if isinstance(value, ir.State | ir.Before) else a(value.type)
            hint = "name one of its rows" if isinstance(value.type, TableType) else "name one of its fields"
            raise self.refuse(node, f"this is {of}, not a single value", hint)
        return ir.Load(value, value.type, self.loc(node))

    def condition(self, node: ast.expr) -> Expr:
        """A test whose truth alone matters. A mask counts as "not empty"."""
        value = self._logical(node, self.condition) if isinstance(node, ast.BoolOp) else self.scalar(node)
        if not isinstance(value.type, MaskType):
            return self._bool(value, node)
        return ir.Compare("!=", value, ir.Const(0, value.type, value.loc), BOOL, value.loc)

    def bool_value(self, node: ast.expr) -> Expr:
        """A bool that is kept, returned or required. A mask is none: in Python it would stay a mask."""
        return self._bool(self.scalar(node), node)

    def _bool(self, value: Expr, node: ast.expr) -> Expr:
        text = ast.unparse(node)
        match value.type:
            case BoolType():
                return value
            case MaskType():
                raise self.refuse(node, f"this is {a(value.type)}, not a bool", f"write `{text}.highest() is not None`")
            case OptionalType():
                raise self.refuse(
                    node, "an optional is not a condition: 0 would count as absent", f"write `{text} is not None`"
                )
            case IntType():
                hint = number_hint(value.type, BOOL) if isinstance(node, ast.Constant) else ""
                raise self.refuse(
                    node, f"{a(value.type)} is not a condition", hint or f"write a comparison, e.g. `{text} != 0`"
                )
            case of:
                raise self.refuse(node, f"{a(of)} is not a condition", f"write a comparison: `{text} == ...`")

    def _logical(self, node: ast.BoolOp, operand: Callable[[ast.expr], Expr]) -> Expr:
        raise NotImplementedError

    def place(self, node: ast.expr, what: str) -> Place:
        value = self.value(node)
        if not isinstance(value, PlaceTypes):
            raise self.refuse(node, f"{what} needs a field of the state", "name a field, e.g. self.apic[cpu].irr")
        return value

    def may_be_none(self, node: ast.AST, what: str = "this") -> Refused:
        """A value that is used although it may be None."""
        text = ast.unparse(node)
        if isinstance(node, ast.Name):
            return self.refuse(node, f"{what} may be None here", f"test `{text} is not None` first, or require({text})")
        return self.refuse(
            node, f"{what} may be None here", f"give it a name first: x = {text}; then test `x is not None`"
        )

    def coerce(self, value: Value, target: Scalar, node: ast.AST) -> tuple[Expr, bool]:
        """The value as one of `target`, and whether its range must be checked at run time."""
        loc = self.loc(node)
        if isinstance(value, NoneValue):
            if isinstance(target, OptionalType):
                return ir.Const(0, target, loc), False
            raise self.refuse(node, f"None is stored where {a(target)} is needed", "declare it optional: `X | None`")
        value = self.load(value, node)
        match target, value.type:
            case IntType(), IntType():
                return value, self.outside(value.type, target, node)
            case OptionalType(of=of), IntType() | EnumType():
                inner, check = self.coerce(value, of, node)
                return ir.Wrap(inner, target, loc), check
            case OptionalType(of=IntType() as of), OptionalType(of=IntType() as given):
                return value, self.outside(given, of, node)
            case ((IntType() | EnumType()), OptionalType(of=of)) if type(of) is type(target):
                raise self.may_be_none(node)
            case _ if target == value.type:
                return value, False
        hint = (
            f"write `{ast.unparse(node)}.highest() is not None`"
            if (target, type(value.type)) == (BOOL, MaskType)
            else number_hint(value.type, target)
        )
        raise self.refuse(node, f"this is {a(value.type)}, and {a(target)} is needed", hint)

    def outside(self, given: IntType, target: IntType, node: ast.AST) -> bool:
        """May the value lie outside the range? Indices of different things are refused."""
        if given.index and target.index and given.index != target.index:
            raise self.refuse(node, f"this is an index of {given.index}, and an index of {target.index} is needed")
        return not (target.lo <= given.lo and given.hi <= target.hi)

    def by_loop(self, node: ast.AST) -> str:
        """How to use a number that may be no index."""
        return f"look for it in a loop: for i in ...: if i == {ast.unparse(node)}:"

    # --- names that are known by what they name ---

    def meaning(self, name: str) -> object:
        """What CPython finds for a name here: LOCAL, or an object of the module or of Python, or MISSING."""
        if name in self.env.values or name in self.env.maybe_unset or name in self.stored:
            return LOCAL
        if name.startswith("__") and not name.endswith("__"):
            return MISSING  # inside a class, Python takes it for another name
        return meaning(ast.Name(name), self.source)

    def word(self, node: ast.expr) -> str:
        """Which of WORDS an expression stands for, "" if for none. Raises Refused if it is another object's name here."""
        if not isinstance(node, ast.Name):
            return ""
        means = self.meaning(node.id)
        word = next((word for word, known in WORDS.items() if means is known), "")
        if word == "super" != node.id:  # CPython does not find the class that the function stands in
            raise self.refuse(node, f"`{node.id}` is `super` under another name", "write super()")
        if node.id not in WORDS or word == node.id or means is MISSING:
            return word
        said = "the builtin" if node.id != "require" else "the one of model.lang"
        where = "this function" if means is LOCAL else "this file"
        raise self.refuse(
            node, f"`{node.id}` is not {said} here", f"{where} gives the name another meaning: use another"
        )

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
        return self.python_constant(node.value, node)

    def python_constant(self, value: Any, node: ast.AST) -> Expr:
        if isinstance(value, enum.Enum):
            check_enum(type(value))
            of = EnumType(type(value))
            return ir.Const(of.members.index(value), of, self.loc(node))
        if type(value) is bool:
            return ir.Const(int(value), BOOL, self.loc(node))
        if type(value) is int:
            if abs(value) > LARGEST:
                raise self.refuse(node, "this number is too large", f"numbers go to {LARGEST:#x}")
            return ir.Const(value, IntType(value, value), self.loc(node))
        raise self.refuse(
            node, f"{value!r} is not a value of the language", "use a bool, a whole number or an Enum member"
        )

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.env.maybe_unset or (name in self.stored and name not in self.env.values):
            hint = "give it a value before the `if` or the loop"
            if name in self.globals:
                hint = "a line of this function assigns it, which makes it a local: use another name"
            raise self.refuse(node, f"{name!r} may have no value here", hint)
        if name in self.env.values:
            return self.env.values[name]
        means = self.meaning(name)
        if isinstance(means, bool | int | enum.Enum):
            return self.python_constant(means, node)
        if name in self.globals:
            hint = "inside a class, Python takes it for another name: drop an `_`" if name.startswith("__") else ""
            raise self.refuse(node, f"{name!r} is not a value of the language here", hint)
        raise self.refuse(node, f"unknown name {name!r}", name_hint(name) or did_you_mean(name, self.env.values))

    def _attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in {
            *self.env.values,
            *self.env.maybe_unset,
            *self.stored,
        }:
            return self._of_global(node, self.meaning(node.value.id), node.value.id)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "scope":
            root = self.value(node.value.value)
            if isinstance(root, ir.State | ir.Before):
                return self._of_scope(node)
        base = self.value(node.value)
        if isinstance(base, PlaceTypes) and isinstance(base.type, StructType):
            return self._field(node, base, base.type)
        if isinstance(base, NoneValue):
            raise self.refuse(node, "None has no fields")
        if isinstance(base.type, TableType):
            raise self.refuse(
                node,
                f"{ast.unparse(node.value)} is {a(base.type)}",
                f"name a row: {ast.unparse(node.value)}[...].{node.attr}",
            )
        raise self.refuse(node, f"{ast.unparse(node.value)} is {a(base.type)} and has no fields")

    def _of_global(self, node: ast.Attribute, base: object, name: str) -> Value:
        if inspect.isclass(base) and issubclass(base, enum.Enum):
            if node.attr in base.__members__:
                return self.python_constant(base[node.attr], node)
            raise self.refuse(node, f"{name} has no member {node.attr!r}", did_you_mean(node.attr, base.__members__))
        if base is MISSING:
            raise self.refuse(
                node.value, f"unknown name {name!r}",
                name_hint(name) or did_you_mean(name, [*self.env.values, *self.globals]),
            )  # fmt: skip
        raise self.refuse(
            node, f"`{ast.unparse(node)}` is not a value of the language", "Enum members are: Trigger.LEVEL"
        )

    def _of_scope(self, node: ast.Attribute) -> Value:
        scope = self.linker.scope
        if node.attr in scope.sizes():
            return self.python_constant(scope.sizes()[node.attr], node)
        if node.attr in scope.choices():
            choice = scope.choices()[node.attr]
            of: Scalar = BOOL if isinstance(choice, bool) else EnumType(type(choice))
            return ir.Choice(node.attr, of, self.loc(node))
        raise self.refuse(node, f"the scope has no {node.attr!r}", did_you_mean(node.attr, vars(scope)))

    def _field(self, node: ast.Attribute, base: Place, of: StructType) -> Value:
        kind = of.field(node.attr)
        if kind is not None:
            return ir.FieldOf(base, node.attr, kind)
        owner = f"a {of} record"
        if isinstance(base, ir.State | ir.Before):
            owner = "this system"
            constant = self.linker.constant(node.attr)
            if isinstance(constant, bool | int | enum.Enum):
                return self.python_constant(constant, node)
            if callable(constant):
                raise self.refuse(node, f"{node.attr!r} is a function", f"call it: {ast.unparse(node)}(...)")
            if node.attr == "scope":
                raise self.refuse(node, "the scope is not a value", "name what you need of it, e.g. self.scope.pins")
        raise self.refuse(node, f"{owner} has no field {node.attr!r}", field_hint(node.attr, of))

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.value(node.value)
        if not isinstance(base, NoneValue) and isinstance(base.type, MaskType):
            mask, bit = ast.unparse(node.value), ast.unparse(node.slice)
            stored = f"write `{mask}.add({bit})` for `= True`, `{mask}.discard({bit})` for `= False`"
            hint = stored if isinstance(node.ctx, ast.Store) else f"write `{bit} in {mask}`"
            raise self.refuse(node.value, f"`{mask}` is not a Table, so it has no rows", hint)
        if not isinstance(base, PlaceTypes) or not isinstance(base.type, TableType):
            raise self.refuse(node.value, f"`{ast.unparse(node.value)}` is not a Table, so it has no rows")
        index = self.scalar(node.slice)
        if isinstance(index.type, OptionalType):
            raise self.may_be_none(node.slice, "the index")
        of = base.type.index
        if not isinstance(index.type, IntType):
            raise self.refuse(node.slice, f"this is {a(index.type)}, and {a(of)} is needed")
        if self.outside(index.type, of, node.slice):
            values = f"{index.type.lo}..{index.type.hi}" if index.type.lo != index.type.hi else f"{index.type.lo}"
            raise self.refuse(
                node.slice, f"the index is {values}, and the table has rows 0..{of.hi}", self.by_loop(node.slice)
            )
        return ir.RowOf(base, index, base.type.row)
