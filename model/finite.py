"""The finite types of the language, and the containers that hold their values in CPython.

A type knows its *codes*: the unsigned numbers 0 .. size-1 that stand for its values in a stored state.
Everything else (layout, generated C, z3) is computed from these seven classes.

    type                     values                      code
    BoolType                 False, True                 0, 1
    IntType(lo, hi)          lo .. hi                    the value itself (stored ints have lo >= 0)
    EnumType(cls)            the members                 position in definition order
    OptionalType(of)         None, or a value of `of`    0, or 1 + code
    MaskType(of)             sets of indices             bit i set: index i is a member
    StructType(cls, fields)  records                     field by field
    TableType(index, row)    one row per index           row by row
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar, cast


class ModelError(Exception):
    """The model did something the language forbids (its author's mistake, exit code 2)."""


class RangeError(ModelError):
    """A store out of a field's range."""


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class IntType:
    """Integers lo..hi. `index` names the Scope bound of an index type ("pins"), "" for plain numbers."""

    lo: int
    hi: int
    index: str = ""

    def __str__(self) -> str:
        return f"{self.index or 'int'}[{self.lo}..{self.hi}]"


@dataclass(frozen=True, slots=True)
class EnumType:
    cls: type[Enum]

    @property
    def members(self) -> tuple[Enum, ...]:
        return _members(self.cls)

    def __str__(self) -> str:
        return self.cls.__name__


@functools.cache
def _members(cls: type[Enum]) -> tuple[Enum, ...]:
    return tuple(cls)


@dataclass(frozen=True, slots=True)
class OptionalType:
    of: IntType | EnumType

    def __str__(self) -> str:
        return f"{self.of} | None"


@dataclass(frozen=True, slots=True)
class MaskType:
    of: IntType

    def __str__(self) -> str:
        return f"Mask[{self.of}]"


@dataclass(frozen=True, slots=True)
class StructType:
    cls: type[Any]
    fields: tuple[tuple[str, Type], ...]

    def __hash__(self) -> int:
        """Of what tells most records apart: all fields of all records in it are compared where this is equal."""
        return hash((self.cls, len(self.fields)))

    def field(self, name: str) -> Type | None:
        return dict(self.fields).get(name)

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class TableType:
    index: IntType
    row: Type

    @property
    def rows(self) -> int:
        return self.index.hi + 1

    def __str__(self) -> str:
        return f"Table[{self.index}, {self.row}]"


Scalar: TypeAlias = BoolType | IntType | EnumType | OptionalType | MaskType
Type: TypeAlias = Scalar | StructType | TableType


def size(of: Scalar) -> int:
    """Number of values of a scalar type."""
    match of:
        case BoolType():
            return 2
        case IntType(lo, hi):
            return hi - lo + 1
        case EnumType():
            return len(of.members)
        case OptionalType(inner):
            return 1 + size(inner)
        case MaskType(inner):
            return 1 << (inner.hi + 1)


def encode(of: Scalar, value: Any) -> int:
    """Code of a value. Raises RangeError if the value is not one of the type's."""
    match of:
        case BoolType() if isinstance(value, bool):
            return int(value)
        case IntType(lo, hi) if isinstance(value, int) and not isinstance(value, bool) and lo <= value <= hi:
            return value
        case EnumType() if isinstance(value, of.cls):
            return of.members.index(value)
        case OptionalType(inner):
            return 0 if value is None else 1 + encode(inner, value)
        case MaskType(inner) if isinstance(value, Mask) and value.bits >> (inner.hi + 1) == 0:
            return value.bits
    raise RangeError(f"{value!r} is not a value of {of}")


def decode(of: Scalar, code: int) -> Any:
    """The value of a code."""
    match of:
        case BoolType():
            return bool(code)
        case IntType():
            return code
        case EnumType():
            return of.members[code]
        case OptionalType(inner):
            return None if code == 0 else decode(inner, code - 1)
        case MaskType():
            return Mask(bits=code)


I = TypeVar("I", bound=int)
R = TypeVar("R")


class Mask(Generic[I]):
    """A set of indices, one bit each, as the kernel keeps IRR and ISR."""

    __slots__ = ("bits", "limit")

    def __init__(self, *, bits: int = 0, limit: int | None = None) -> None:
        self.bits = bits
        self.limit = limit

    def __contains__(self, item: I) -> bool:
        return bool(self.bits >> item & 1)

    def add(self, item: I) -> None:
        """Set the bit. Raises RangeError for an index that this mask has no bit for."""
        if self.limit is not None and not 0 <= item < self.limit:
            raise RangeError(f"{item!r} is outside the {self.limit} bits of this mask")
        self.bits |= 1 << item

    def discard(self, item: I) -> None:
        self.bits &= ~(1 << item)

    def clear(self) -> None:
        self.bits = 0

    def highest(self) -> I | None:
        return cast(I, self.bits.bit_length() - 1) if self.bits else None

    def lowest(self) -> I | None:
        return cast(I, (self.bits & -self.bits).bit_length() - 1) if self.bits else None

    def __iter__(self) -> Iterator[I]:
        """The members in ascending order, as they were when the loop began."""
        bits = self.bits
        return (cast(I, i) for i in range(bits.bit_length()) if bits >> i & 1)

    def __bool__(self) -> bool:
        return self.bits != 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self.bits == other.bits

    __hash__ = None  # type: ignore[assignment]  # mutable, like set

    def __or__(self, other: Mask[I]) -> Mask[I]:
        return Mask(bits=self.bits | other.bits)

    def __and__(self, other: Mask[I]) -> Mask[I]:
        return Mask(bits=self.bits & other.bits)

    def __sub__(self, other: Mask[I]) -> Mask[I]:
        return Mask(bits=self.bits & ~other.bits)

    def __repr__(self) -> str:
        return "{" + ", ".join(map(str, self)) + "}"


class Table(Generic[I, R]):
    """One row per index. Rows are places: a store copies into the row, it never replaces the row object."""

    __slots__ = ("_type", "rows")

    def __init__(self, of: TableType, rows: Iterable[R]) -> None:
        self._type = of
        self.rows = list(rows)

    def __getitem__(self, index: I) -> R:
        rows = self.rows
        if 0 <= index < len(rows):  # of what runs in CPython this runs most often
            return rows[index]
        raise self._outside(index)

    def __setitem__(self, index: I, value: R) -> None:
        if not 0 <= index < len(self.rows):
            raise self._outside(index)
        self.rows[index] = assigned(self._type.row, self.rows[index], value, f"row {index}")

    def _outside(self, index: I) -> RangeError:
        return RangeError(f"index {index!r} is outside this table's {len(self.rows)} rows")

    def __iter__(self) -> Iterator[I]:
        return cast(Iterator[I], iter(range(len(self.rows))))

    def items(self) -> Iterator[tuple[I, R]]:
        return cast(Iterator[tuple[I, R]], iter(enumerate(self.rows)))

    def values(self) -> Iterator[R]:
        return iter(self.rows)


def assigned(of: Type, old: Any, new: Any, what: str) -> Any:
    """What a place of type `of` holds after `place = new`: structs, masks and tables are copied into."""
    match of:
        case StructType(fields=fields):
            for name, kind in fields:
                old.__dict__[name] = assigned(kind, old.__dict__[name], getattr(new, name), f"{of}.{name}")
            return old
        case TableType(row=row):
            for i, value in enumerate(new.rows):
                old.rows[i] = assigned(row, old.rows[i], value, f"{what}[{i}]")
            return old
        case MaskType():
            old.bits = _checked_code(of, new, what)
            return old
        case _:
            _checked_code(of, new, what)
            return new


def _checked_code(of: Scalar, value: Any, what: str) -> int:
    try:
        return encode(of, value)
    except RangeError:
        raise RangeError(f"{what} = {value!r} is out of range: {what} is {of}") from None


def fresh(of: Type, default: Any, make_struct: Callable[[StructType, Any], Any]) -> Any:
    """A new object for a place of type `of` that holds `default` (None: the type's first value)."""
    match of:
        case StructType():
            return make_struct(of, default)
        case TableType(row=row):
            return Table(of, [fresh(row, default, make_struct) for _ in range(of.rows)])
        case MaskType(inner):
            return Mask(bits=default.bits if default is not None else 0, limit=inner.hi + 1)
        case OptionalType():
            return default
        case _:
            return decode(of, 0) if default is None else decode(of, _checked_code(of, default, "default"))
