"""How a state is stored: its scalar leaves in order, their bits, and the instances of the steps.

One order serves everyone. Leaf k of a state is the k-th scalar met when the state record is walked field by
field and row by row (model.lang.cells walks the same way). The *packed* state is one integer: the leaves'
codes side by side, leaf 0 in the lowest bits, `width(leaf.type)` bits each. In generated C every leaf is one
unsigned cell of `cell_bytes` bytes, in the same order and without padding, after those of the scope's choices;
so the packed state is what pext() gathers from the cells with the layout's masks. A table of one row has room for two there,
so that the C of a part is the same for both: cells of a row that does not exist are zero, and have no bit in the masks.
"""

from __future__ import annotations

import itertools
import operator
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checker.language.ir import Param, Program
from model.finite import Scalar, StructType, TableType, Type, decode, encode, size

CELL = {1: "B", 2: "H", 4: "I", 8: "Q"}  # a cell's size -> its code for struct
ROOM = 2  # rows that each table has room for in C, at least


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of the state; `path` is e.g. ("apic", 0, "irr")."""

    path: tuple[str | int, ...]
    type: Scalar

    def __str__(self) -> str:
        return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path).lstrip(".")


@dataclass(frozen=True, slots=True)
class Instance:
    """A step with values (codes) for its parameters. `label` numbers the instances of a program."""

    label: int
    step: str
    args: tuple[int, ...]


def leaves(of: Type) -> Iterator[Leaf]:
    """The scalars of a type in layout order."""
    return (cell for cell in cells(of) if cell)


def room(of: TableType) -> int:
    """The rows that a table has in C."""
    return max(ROOM, of.rows)


def cells(of: Type, path: tuple[str | int, ...] = ()) -> Iterator[Leaf | None]:
    """The cells that a type has in C, in their order: None of a row that does not exist."""
    match of:
        case StructType(fields=fields):
            for name, kind in fields:
                yield from cells(kind, (*path, name))
        case TableType(row=row):
            for i in range(of.rows):
                yield from cells(row, (*path, i))
            for _ in range(of.rows, room(of)):
                yield from (None for _ in cells(row))
        case _:
            yield Leaf(path, of)


def records(of: Type) -> Iterator[StructType]:
    """The kinds of records in a type, a record before those inside it."""
    match of:
        case StructType(fields=fields):
            yield of
            for _, kind in fields:
                yield from records(kind)
        case TableType(row=row):
            yield from records(row)
        case _:
            pass


def width(of: Scalar) -> int:
    """Bits that a code of this type needs (0 for a type with one value)."""
    return (size(of) - 1).bit_length()


def bindings(params: Sequence[Param]) -> Iterator[tuple[int, ...]]:
    """Every combination of codes for scalar parameters, last one fastest."""
    return itertools.product(*(range(size(of)) for of in _scalars(params)))


def binding_of(params: Sequence[Param], codes: Sequence[int]) -> dict[str, Any]:
    """The values of scalar parameters by name."""
    return {p.name: decode(of, code) for p, of, code in zip(params, _scalars(params), codes, strict=True)}


def _scalars(params: Sequence[Param]) -> list[Scalar]:
    scalars = [p.type for p in params if not isinstance(p.type, StructType | TableType)]
    assert len(scalars) == len(params)
    return scalars


def instances(program: Program) -> list[Instance]:
    """All step instances; their labels are their positions."""
    pairs = [(step.name, args) for step in program.steps for args in bindings(step.params)]
    return [Instance(label, name, args) for label, (name, args) in enumerate(pairs)]


class Layout:
    """Offsets, masks and conversions for the states of one program. cell: of each leaf its cell in C; of choices, which come
    before, the first ones."""

    def __init__(self, program: Program) -> None:
        self.leaves = list(leaves(program.state))
        self.widths = [width(leaf.type) for leaf in self.leaves]
        self.bits = sum(self.widths)
        choice_widths = [width(of) for of in program.choices.values()]
        widest = max([*self.widths, *choice_widths, 1])
        self.cell_bytes = next(n for n in (1, 2, 4, 8) if 8 * n >= widest)
        self.choices = dict(program.choices)
        there = list(cells(program.state))
        self.cell = [len(self.choices) + number for number, leaf in enumerate(there) if leaf]
        self._count = len(self.choices) + len(there)
        self._leaves_of = operator.itemgetter(*self.cell) if len(self.cell) > 1 else None
        self.words8 = max(1, -(-self._count * self.cell_bytes // 8))

    def masks(self) -> list[int]:
        """One 64-bit word per 8 bytes of the C state: the bits that are stored."""
        return self._words([0] * len(self.choices), [(1 << w) - 1 for w in self.widths])

    def frozen(self, choices: Mapping[str, object]) -> list[int]:
        """The C state's words that hold these choices of a scope and nothing else."""
        codes = [encode(of, choices[name]) for name, of in self.choices.items()]
        return self._words(codes, [0] * len(self.leaves))

    def _words(self, choices: Sequence[int], codes: Sequence[int]) -> list[int]:
        row = [*choices, *([0] * (self._count - len(choices)))]
        for cell, code in zip(self.cell, codes, strict=True):
            row[cell] = code
        raw = struct.pack(f"<{self._count}{CELL[self.cell_bytes]}", *row).ljust(8 * self.words8, b"\0")
        return [int.from_bytes(raw[i : i + 8], "little") for i in range(0, len(raw), 8)]

    def pack(self, codes: Sequence[int]) -> int:
        """Leaf codes -> packed state."""
        packed, shift = 0, 0
        for code, bits in zip(codes, self.widths, strict=True):
            packed |= code << shift
            shift += bits
        return packed

    def to_bytes(self, codes: Sequence[int]) -> bytes:
        """Leaf codes -> the C state (choices left zero: the engine ORs `frozen` in)."""
        words = self._words([0] * len(self.choices), codes)
        return b"".join(w.to_bytes(8, "little") for w in words)

    def from_bytes(self, raw: bytes) -> tuple[int, ...]:
        """The C state -> leaf codes."""
        row = struct.unpack_from(f"<{self._count}{CELL[self.cell_bytes]}", raw)
        return self._leaves_of(row) if self._leaves_of else tuple(row[cell] for cell in self.cell)
