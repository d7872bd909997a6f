"""Builds small IR programs by hand, compiles what cgen makes of them and calls it through ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from checker.engine.atoms import atom_count
from checker.engine.cgen import FAULT_BIT
from checker.engine.cgen_key import generate_large
from checker.language import ir
from checker.language.ir import BOOL, Expr, Formula, Function, Loc, Param, Place, Program, Step, Stmt
from checker.language.layout import Layout, instances
from model.finite import EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type
from model.lang import Fair
from tests.rigs.keys import assert_same_keys

LOC = Loc("/some/where/model/toy.py", 7)
# A warning is an error, except for what only a test would write.
FLAGS = "-std=gnu11 -O1 -Wall -Werror -Wno-tautological-compare -Wno-unused -shared -fPIC"
TRAPS = "-fsanitize=undefined -fsanitize-undefined-trap-on-error"


class Mode(Enum):
    EDGE = 10
    LEVEL = 20
    DIRECTED = 30


class Unit: ...


class Sys: ...


MODE = EnumType(Mode)
THREE = IntType(0, 2, "rows")
BYTE = IntType(0, 7, "bits")
SMALL = MaskType(BYTE)
MAYBE = OptionalType(BYTE)
UNIT = StructType(Unit, (("irr", SMALL), ("n", BYTE)))
GRID = TableType(IntType(0, 1), TableType(THREE, BYTE))
Outcome = tuple[int, bool, tuple[int, ...]]  # label, faulted, codes of the successor


def const(code: int, of: Scalar) -> ir.Const:
    return ir.Const(code, of, LOC)


def num(value: int) -> ir.Const:
    return ir.Const(value, IntType(value, value), LOC)


def local(name: str, of: Scalar = BYTE) -> ir.Local:
    return ir.Local(name, of, LOC)


def dot(base: Place | StructType, name: str) -> ir.FieldOf:
    """A field: of a record's place, or of the state, which is told by its record."""
    record = base if isinstance(base, StructType) else STATE if isinstance(base, ir.Before) else base.type
    assert isinstance(record, StructType)
    kind = record.field(name)
    assert kind is not None, name
    return ir.FieldOf(ir.State() if isinstance(base, StructType) else base, name, kind)


def at(base: Place, index: Expr | int) -> ir.RowOf:
    assert isinstance(base.type, TableType)
    return ir.RowOf(base, num(index) if isinstance(index, int) else index, base.type.row)


def load(place: Place) -> ir.Load:
    of = place.type
    assert not isinstance(of, StructType | TableType)
    return ir.Load(place, of, LOC)


def store(place: Place, value: Expr, check: bool = False) -> ir.Store:
    return ir.Store(place, value, check, LOC)


def assign(name: str, value: Expr, check: bool = False, of: Scalar | None = None) -> ir.Assign:
    return ir.Assign(name, value, of or value.type, check, LOC)


def bind(name: str, place: Place) -> ir.Bind:
    return ir.Bind(name, place, LOC)


def compare(op: str, left: Expr, right: Expr) -> ir.Compare:
    return ir.Compare(op, left, right, BOOL, LOC)


def plus(left: Expr, right: Expr, op: str = "+") -> ir.Arith:
    return ir.Arith(op, left, right, IntType(-99, 99), LOC)


def both(left: Expr, right: Expr, op: str = "and") -> ir.Logic:
    return ir.Logic(op, left, right, BOOL, LOC)


def invert(operand: Expr) -> ir.Not:
    return ir.Not(operand, BOOL, LOC)


def when(test: Expr, then: Sequence[Stmt], other: Sequence[Stmt] = ()) -> ir.If:
    return ir.If(test, tuple(then), tuple(other), LOC)


def loop(var: str, over: IntType, *body: Stmt) -> ir.For:
    return ir.For(var, over, body, LOC)


def require(test: Expr) -> ir.Require:
    return ir.Require(test, LOC)


def do(function: str, *args: Expr | Place) -> ir.Do:
    return ir.Do(function, args, LOC)


def give(value: Expr | None = None) -> ir.Return:
    return ir.Return(value, LOC)


def function(name: str, body: Sequence[Stmt], *params: Param, returns: Scalar | None = None,
             of_edges: bool = False) -> Function:  # fmt: skip
    return Function(name, params, returns, tuple(body), False, LOC, "Toy", of_edges)


def program(
    state: StructType, steps: Mapping[str, Sequence[Stmt]], helpers: Sequence[Function] = (),
    params: dict[str, tuple[Param, ...]] | None = None, formulas: Sequence[Formula] = (),
    choices: dict[str, Scalar] | None = None,
) -> Program:  # fmt: skip
    """A program with the given step bodies; helpers come first."""
    params = params or {}
    functions = [*helpers, *(function(n, body, *params.get(n, ())) for n, body in steps.items())]
    made = [Step(n, params.get(n, ()), "tester", Fair.FREE, LOC) for n in steps]
    return Program("toy", state, choices or {}, {f.name: f for f in functions}, tuple(made), tuple(formulas))


def state_of(**fields: Type) -> StructType:
    return StructType(Sys, tuple(fields.items()))


class Native:
    """The compiled library of a program, where undefined behaviour traps (ending Python), or that of another
    `text`, where it does not."""

    def __init__(self, of: Program, folder: Path, text: str | None = None) -> None:
        self.program, self.layout = of, Layout(of)
        text, traps = (generate_large(of), TRAPS) if text is None else (text, "")
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.so"
        command = ["cc", "-x", "c", "-", *FLAGS.split(), *traps.split(), "-o", str(path)]
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{run.stderr}\n{text}"
        self.library = ctypes.CDLL(str(path))

    def _cells(self, codes: Sequence[int], choices: Sequence[int]) -> bytes:
        chosen = b"".join(c.to_bytes(self.layout.cell_bytes, "little") for c in choices)
        return chosen + self.layout.to_bytes(codes)[len(chosen) :]

    def expand(self, codes: Sequence[int], choices: Sequence[int] = ()) -> list[Outcome]:
        """All successors; nothing may be written behind the room for all instances."""
        room, stride = len(instances(self.program)), 8 * self.layout.words8
        state = self._cells(codes, choices)
        out = ctypes.create_string_buffer(b"\xee" * (stride * (room + 1)), stride * (room + 1))
        labels = (ctypes.c_uint16 * (room + 1))(*[0xEEEE] * (room + 1))
        count = self.library.eoi_expand(state, out, labels)
        assert count <= room
        assert labels[room] == 0xEEEE
        assert out.raw[stride * room :] == b"\xee" * stride
        found: list[Outcome] = []
        for k in range(count):
            raw = out.raw[k * stride : (k + 1) * stride]
            assert self._others(raw) == self._others(state), "choices and padding stay as they were"
            found.append((labels[k] & ~FAULT_BIT, bool(labels[k] & FAULT_BIT), self.layout.from_bytes(raw)))
        if hasattr(self.library, "eoi_keys"):
            assert_same_keys(self.library, self.layout, state, codes, found, room)
        return found

    def _others(self, raw: bytes) -> list[int]:
        """The bytes of cells that are no leaf's."""
        n = self.layout.cell_bytes
        return [byte for at, byte in enumerate(raw) if at // n not in self.layout.cell]

    def step(self, name: str, codes: Sequence[int], choices: Sequence[int] = ()) -> tuple[int, ...] | str:
        """What a step without parameters leads to: codes, "disabled" or "fault"."""
        label = next(i.label for i in instances(self.program) if i.step == name)
        hits = [o for o in self.expand(codes, choices) if o[0] == label]
        if not hits:
            return "disabled"
        return "fault" if hits[0][1] else hits[0][2]

    def _words(self, of_edges: bool) -> ctypes.Array[ctypes.c_uint64]:
        self._room = max(1, -(-atom_count(self.program, of_edges) // 64))
        return (ctypes.c_uint64 * (self._room + 1))(*[0xDEAD_BEEF_DEAD_BEEF] * (self._room + 1))

    def _every(self) -> ctypes.Array[ctypes.c_uint64]:
        """All atoms are wanted."""
        return (ctypes.c_uint64 * self._room)(*[2**64 - 1] * self._room)

    def _bits(self, words: ctypes.Array[ctypes.c_uint64]) -> int:
        assert words[self._room] == 0xDEAD_BEEF_DEAD_BEEF
        return sum(w << 64 * i for i, w in enumerate(words[: self._room]))

    def atoms(self, codes: Sequence[int], choices: Sequence[int] = ()) -> int:
        words = self._words(False)
        self.library.eoi_atoms(self._cells(codes, choices), words, self._every())
        return self._bits(words)

    def edge_atoms(self, before: Sequence[int], after: Sequence[int]) -> int:
        words = self._words(True)
        self.library.eoi_edge_atoms(self._cells(before, ()), self._cells(after, ()), words, self._every())
        return self._bits(words)


def pick(op: str, mask: Expr) -> ir.MaskPick:
    return ir.MaskPick(op, mask, MAYBE, LOC)


def quantified(op: str, var: str, body: Expr, over: IntType = BYTE) -> ir.Quantified:
    return ir.Quantified(op, var, over, body, BOOL, LOC)


def has(mask: Expr, element: Expr) -> ir.Contains:
    return ir.Contains(mask, element, BOOL, LOC)


def edit(op: str, mask: Expr, element: Expr) -> ir.MaskEdit:
    return ir.MaskEdit(op, mask, element, SMALL, LOC)


def masks(op: str, left: Expr, right: Expr) -> ir.MaskOp:
    return ir.MaskOp(op, left, right, SMALL, LOC)


# --- a state to try statements on ---

STATE = state_of(x=BYTE, m=SMALL, o=MAYBE, units=TableType(THREE, UNIT), grid=GRID)
SX, SM, SO, UNITS, CELLS = (dot(STATE, f) for f in ("x", "m", "o", "units", "grid"))
#       x  m  o   units: irr n  irr n  irr n   grid
START = (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
NAMES = [
    "x",
    "m",
    "o",
    *(f"{f}{i}" for i in range(3) for f in ("irr", "n")),
    *(f"g{i}{j}" for i in range(2) for j in range(3)),
]


def after(**changed: int) -> tuple[int, ...]:
    """START with some leaves changed."""
    codes = dict(zip(NAMES, START, strict=True))
    return tuple((codes | changed).values())


def run(
    folder: Path, body: Sequence[Stmt], *helpers: Function, codes: tuple[int, ...] = START
) -> tuple[int, ...] | str:
    return Native(program(STATE, {"go": body}, helpers), folder).step("go", codes)


def add(place: ir.Place, n: int = 1, check: bool = False) -> ir.Store:
    return store(place, plus(load(place), num(n)), check)
