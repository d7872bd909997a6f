"""The modelling language: about a dozen names. Running a model's methods in CPython is its meaning.

    Index   marks an int as an index below a Scope bound     Annotated[int, Index("pins")]
    Label   what stories call a field                        Annotated[bool, Label("SPIV.8")]
    Mask    a set of indices                                 v in apic.irr; .add .discard .highest()
    Table   one row per index                                for pin, rte in self.ioapic.items():
    Struct  a record of finite fields, like a C struct       class Lapic(Struct): irr: Mask[Vector]
    Design  state + functions + steps; subclass to patch     class V1(Kvm): ...
    Patch   where a design comes from                        patch = Patch("title", date=..., msgid=...)
    step    an atomic transition                             @step(by="guest", fair=Fair.WEAK)
    Fair    FINITE, FREE, WEAK, STRONG
    require a guard: the step is disabled on False or None   vector = require(apic.irr.highest())
    always, leads_to, reachable    the three kinds of property

Rules: a function annotated `-> None` changes state, any other is pure. `require` comes before the first
write on every path. `rte = self.ioapic[pin]` names a place (a struct, table or mask), not a copy; scalars
are bound by value. The checker reads the same source; what it accepts is described in checker/LANGUAGE.md.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, overload

from model.finite import (
    BoolType,
    EnumType,
    IntType,
    Mask,
    MaskType,
    ModelError,
    OptionalType,
    RangeError,
    StructType,
    Table,
    TableType,
    Type,
    assigned,
    decode,
    encode,
    fresh,
)

__all__ = [
    "Design", "Fair", "Index", "Kind", "Mask", "ModelError", "Patch", "Property", "RangeError", "Scope",
    "StepInfo", "Struct", "Table", "always", "compose", "leads_to", "reachable", "require", "step",
]  # fmt: skip

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])
Promise = Callable[[Any], bool]  # of a system's class: does one of its roles say so of itself?


@dataclass(frozen=True)
class Index:
    """Marks an int as an index: 0 <= i < bound. A str names a Scope field, an int is the bound itself."""

    bound: str | int


@dataclass(frozen=True)
class Label:
    """What people call a field: `spiv_enabled: Annotated[bool, Label("SPIV.8")]`. Stories read it, nothing else.

    text, lane: templates over the indices on the way to the field, {0} first. A label of a table or struct stands
    before those of its fields; a field without one is called by its name. lane: default: that of the field's class.
    drawn: in pictures, "bar": along its lane while it is set, "aside": left out unless everything is asked for.
    """

    text: str
    lane: str | None = None
    drawn: str = ""


@dataclass(frozen=True)
class Scope:
    """Sizes (int fields) and userspace's choices (bool and Enum fields) of one exploration.

    Subclass it as a frozen dataclass with a default for every field.
    """

    def sizes(self) -> dict[str, int]:
        return {k: v for k, v in vars(self).items() if isinstance(v, int) and not isinstance(v, bool)}

    def choices(self) -> dict[str, bool | Enum]:
        return {k: v for k, v in vars(self).items() if isinstance(v, bool | Enum)}


class Fair(Enum):
    """What a run owes to a step (to each binding of its parameters). Any run may stop in a state where
    no WEAK and no STRONG step is enabled."""

    FINITE = "taken only finitely often"
    FREE = "may be taken or not"
    WEAK = "taken again and again if it stays enabled for ever"
    STRONG = "taken again and again if it is enabled again and again"


@dataclass(frozen=True)
class Patch:
    """Provenance of a design, printed with every verdict."""

    title: str
    author: str = ""
    date: str = ""
    msgid: str = ""
    base: str = ""
    note: str = ""

    def __str__(self) -> str:
        about = ", ".join(part for part in (self.author, self.date) if part)
        return self.title + (f" ({about})" if about else "") + (f" <{self.msgid}>" if self.msgid else "")


class Disabled(Exception):
    """Raised by `require`: the step that ran is not enabled in this state."""


@overload
def require(value: bool) -> None: ...
@overload
def require(value: T | None) -> T: ...
def require(value: Any) -> Any:
    """Disable the step unless `value` is true (a bool) or present (not None); returns the value."""
    if value is None or value is False:
        raise Disabled
    return value


@dataclass(frozen=True)
class StepInfo:
    by: str
    fair: Fair


def step(*, by: str, fair: Fair = Fair.FREE) -> Callable[[F], F]:
    """Make a method a step: one atomic transition by actor `by`. Its Index, bool and Enum parameters are
    the nondeterminism. A patch that restates a step need not repeat the decorator."""

    def mark(function: F) -> F:
        function.__eoi_step__ = StepInfo(by, fair)  # type: ignore[attr-defined]
        return function

    return mark


class Kind(StrEnum):
    """What a property says of the runs; the value is the decorator's name."""

    ALWAYS = "always"
    LEADS_TO = "leads_to"
    REACHABLE = "reachable"


@dataclass(frozen=True)
class Property:
    """A statement about all runs. `sentence` (the docstring) is what a reviewer would say.

    `premise` names a reachable property without which the verdict is vacuous (a leads_to's premise is its own p), and
    `starts_from` is that property, which who registers or loads this one looks up. The function's first parameter is the system; a second one
    of the same type makes an `always` speak of every step (before, after); the others are for all. `not_for`:
    what a system's roles promise that makes the question moot, and why; `only_for`: systems with none of these roles are
    not asked. `called`:
    its name beside another one of the same name. `vital`: of what is reachable, that without which nothing goes on: a design
    that loses it answers nothing.
    """

    kind: Kind
    function: Callable[..., Any]
    source: str = ""
    premise: str = ""
    not_for: Mapping[Promise, str] = field(default_factory=dict["Promise", str])
    only_for: Mapping[type, str] = field(default_factory=dict[type, str])
    called: str = ""
    starts_from: Property | None = None
    vital: bool = False

    @property
    def name(self) -> str:
        return self.called or self.function.__name__

    @property
    def sentence(self) -> str:
        """What must hold."""
        return " ".join((inspect.getdoc(self.function) or "").partition("Violated:")[0].split())

    def complaint(self, binding: Mapping[str, Any]) -> str:
        """What a reviewer says of a counterexample for these values of the parameters."""
        said = " ".join((inspect.getdoc(self.function) or "").partition("Violated:")[2].split())
        return (said or f"Not so: {self.sentence}").format_map(binding)

    def with_premise(self, known: Mapping[str, Property]) -> Property:
        """With what its premise names: one of its own file, or else one of these."""
        own = self.function.__globals__.get(self.premise)
        return replace(self, starts_from=own if isinstance(own, Property) else known.get(self.premise))

    def why_not(self, design: type) -> str | None:
        """The reason why this property says nothing about a system, or None if it applies."""
        for promised, why in self.not_for.items():
            if promised(design):
                return why
        return None if self.is_made_for(design) else next(iter(self.only_for.values()))

    def is_made_for(self, design: type) -> bool:
        """It is for all systems, or for such ones."""
        return not self.only_for or issubclass(design, tuple(self.only_for))


class _PropertyDecorator(Protocol):
    def __call__(
        self, *, source: str = "", premise: str = "", not_for: Mapping[Promise, str] | None = None,
        only_for: Mapping[type, str] | None = None, vital: bool = False,
    ) -> Callable[[Callable[..., Any]], Property]: ...  # fmt: skip


def _property(kind: Kind) -> _PropertyDecorator:
    def decorator(
        *, source: str = "", premise: str = "", not_for: Mapping[Promise, str] | None = None,
        only_for: Mapping[type, str] | None = None, vital: bool = False,
    ) -> Callable[[Callable[..., Any]], Property]:  # fmt: skip
        return lambda function: Property(kind, function, source, premise, not_for or {}, only_for or {}, vital=vital)

    return decorator


always = _property(Kind.ALWAYS)
leads_to = _property(Kind.LEADS_TO)
reachable = _property(Kind.REACHABLE)


class Struct:
    """A record of finite fields. Stores into a field out of its range raise RangeError."""

    _finite: StructType | None

    def __init__(self, **values: Any) -> None:
        hints = typing.get_type_hints(type(self), include_extras=True)
        hints.pop("_finite", None)
        unknown = set(values) - set(hints)
        if unknown:
            raise ModelError(f"{type(self).__name__} has no field {min(unknown)!r}")
        self.__dict__["_finite"] = None
        for name in hints:
            self.__dict__[name] = values.get(name, getattr(type(self), name, None))

    def __setattr__(self, name: str, value: Any) -> None:
        if self._finite is None:
            raise ModelError("a record outside the state cannot be changed: store it into a table first")
        of = self._finite.field(name)
        if of is None:
            raise ModelError(f"{self._finite} has no field {name!r}")
        self.__dict__[name] = assigned(of, self.__dict__[name], value, f"{self._finite}.{name}")


def _bound_struct(of: StructType, default: Any) -> Any:
    cell = object.__new__(of.cls)
    cell.__dict__["_finite"] = of
    for name, kind in of.fields:
        value = getattr(default if default is not None else of.cls, name, None)
        cell.__dict__[name] = fresh(kind, value, _bound_struct)
    return cell


def resolve(annotation: Any, scope: Scope, where: str) -> Type:
    """The finite type that an annotation means at a scope. Raises ModelError if it means none."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return BoolType()
    if origin is Annotated:
        marks = tuple(mark for mark in args[1:] if not isinstance(mark, Label))
        if marks and args[0] is not int:
            raise ModelError(f"{where}: Index marks an int, not {inspect.formatannotation(args[0])}")
        return _index_type(marks, scope, where) if marks else resolve(args[0], scope, where)
    if origin in (Union, types.UnionType) and len(args) == 2 and type(None) in args:
        inner = resolve(next(a for a in args if a is not type(None)), scope, where)
        if isinstance(inner, IntType | EnumType):
            return OptionalType(inner)
    if origin is Mask or origin is Table:
        index = resolve(args[0], scope, where)
        if isinstance(index, IntType):
            return MaskType(index) if origin is Mask else TableType(index, resolve(args[1], scope, where))
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return EnumType(annotation)
    if inspect.isclass(annotation) and issubclass(annotation, Struct):
        record: Any = annotation
        return StructType(record, _fields(record, scope))
    raise ModelError(
        f"{where}: {inspect.formatannotation(annotation)} is not a finite type; use bool, an Enum, an Index "
        "type, one of these with `| None`, Mask[...], Table[..., ...] or a Struct"
    )


def _index_type(marks: tuple[Any, ...], scope: Scope, where: str) -> IntType:
    mark = next((m for m in marks if isinstance(m, Index)), None)
    if mark is None:
        raise ModelError(f"{where}: Annotated[int, ...] needs an Index(...)")
    if isinstance(mark.bound, int):
        return IntType(0, mark.bound - 1)
    if mark.bound not in scope.sizes():
        raise ModelError(f"{where}: the scope has no size {mark.bound!r}; it has {', '.join(scope.sizes())}")
    return IntType(0, scope.sizes()[mark.bound] - 1, mark.bound)


@functools.lru_cache(maxsize=1024)
def _hints(cls: Any) -> dict[str, Any]:
    """As typing.get_type_hints says; of a class that others were mixed to, from what is known of these."""
    if vars(cls).get("__annotations__") or len(cls.__bases__) == 1:
        return typing.get_type_hints(cls, include_extras=True)
    own = {base: _hints(base) for base in cls.__bases__}
    found = dict[str, Any]()
    for owner in reversed(cls.__mro__):
        base = next((base for base in own if issubclass(base, owner)), cls)
        found |= {name: own[base][name] for name in vars(owner).get("__annotations__", {})}
    return found


def _fields(cls: Any, scope: Scope) -> tuple[tuple[str, Type], ...]:
    return _fields_of(cls, _Sizes(tuple(scope.sizes().items())))


@dataclass(frozen=True)
class _Sizes(Scope):
    """All that a type depends on."""

    known: tuple[tuple[str, int], ...]

    def sizes(self) -> dict[str, int]:
        return dict(self.known)


@functools.lru_cache(maxsize=1024)
def _fields_of(cls: Any, scope: _Sizes) -> tuple[tuple[str, Type], ...]:
    hints, stop = _hints(cls), Design if issubclass(cls, Design) else Struct
    skip = set(vars(stop)["__annotations__"])
    return tuple(
        (name, resolve(hint, scope, f"{cls.__name__}.{name}"))
        for name, hint in hints.items()
        if name not in skip and get_origin(hint) is not ClassVar
    )


class Design:
    """State (annotated fields), functions and steps. Roles are mixed by inheritance (see `compose`); a patch
    is a subclass that restates only the functions which the C patch touches."""

    patch: ClassVar[Patch | None] = None
    source: ClassVar[str] = ""  # the C file that the functions of this class stand for
    scope: Scope

    def __init__(self, scope: Scope) -> None:
        self.__dict__["scope"] = scope
        self.__dict__["_finite"] = of = self.state_type(scope)
        for name, kind in of.fields:
            self.__dict__[name] = fresh(kind, getattr(type(self), name, None), _bound_struct)

    def __setattr__(self, name: str, value: Any) -> None:
        of = self.__dict__["_finite"].field(name)
        if of is None:
            raise ModelError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = assigned(of, self.__dict__[name], value, name)

    def initial(self) -> None:
        """Set up the initial state; the fields hold their defaults when this runs."""

    @classmethod
    def state_type(cls, scope: Scope) -> StructType:
        """The record of all state fields at a scope."""
        owner: Any = cls
        return StructType(cls, _fields(owner, scope))

    @classmethod
    def steps(cls) -> dict[str, StepInfo]:
        """The steps by name, in definition order, base classes first."""
        owner: Any = cls
        return dict(_steps(owner))


@functools.lru_cache(maxsize=1024)
def _steps(cls: Any) -> dict[str, StepInfo]:
    found: dict[str, StepInfo] = {}
    for owner in reversed(cls.__mro__):
        for name, function in vars(owner).items():
            info = getattr(function, "__eoi_step__", None)
            if info is not None:
                found[name] = info
    return found


def compose(*roles: type[Design]) -> type[Design]:
    """One system from one class per role. Raises ModelError if the roles cannot be mixed."""
    name = "+".join(role.__name__ for role in roles)
    try:
        return type(name, roles, {"__module__": roles[0].__module__, "__doc__": f"The system {name}."})
    except TypeError as error:
        raise ModelError(f"{name}: these roles cannot be mixed: {error}") from None


Cell = tuple[Any, Any, Any]  # (the dict or list that holds a scalar, its key, the scalar's type)


def cells(design: Design) -> Iterator[Cell]:
    """Every scalar of the state in layout order: where it is held, and its type."""

    def walk(holder: Any, key: Any, of: Type) -> Iterator[Cell]:
        match of:
            case StructType(fields=fields):
                for name, kind in fields:
                    yield from walk(holder[key].__dict__, name, kind)
            case TableType(row=row):
                for i in range(of.rows):
                    yield from walk(holder[key].rows, i, row)
            case _:
                yield holder, key, of

    for name, kind in design.__dict__["_finite"].fields:
        yield from walk(design.__dict__, name, kind)


def save(all_cells: list[Cell]) -> tuple[int, ...]:
    """The state as codes, in layout order."""
    return tuple(encode(of, holder[key]) for holder, key, of in all_cells)


def load(all_cells: list[Cell], codes: tuple[int, ...]) -> None:
    """Put a saved state back."""
    for (holder, key, of), code in zip(all_cells, codes, strict=True):
        if isinstance(of, MaskType):
            holder[key].bits = code
        else:
            holder[key] = decode(of, code)
