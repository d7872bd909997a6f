"""What all functions of one generated C file share: its types and its identifiers.

The state is a struct of cells that all have one unsigned type, so it has no padding and lies as checker.language.layout
says; the choices of the scope stand before it as further cells.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from checker.engine.facts import facts, reached
from checker.language.ir import Function, Program
from checker.language.layout import Layout, cells, room
from model.finite import (
    BoolType,
    EnumType,
    IntType,
    MaskType,
    OptionalType,
    Scalar,
    StructType,
    TableType,
    Type,
    size,
)

# `linux`, `unix` and `i386` are macros of gcc's default dialect; `index` and the like are its builtins.
_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int
    long register restrict return short signed sizeof static struct switch typedef union unsigned void
    volatile while asm typeof bool true false nullptr constexpr alignas alignof thread_local static_assert
    typeof_unqual linux unix i386 main index abort exit log"""
_OF_FILE = """
    cell DONE DISABLED FAULT BIT_ULL ANY ALL bit_of fls64 ffs64 broken keep eoi_abi eoi_expand eoi_atoms
    eoi_edge_atoms eoi_marks marks judged unnoted noted hurt eoi_keys get_bits put_bits ONES WORDS NO_KEYS"""
_OF_FUNCTIONS = "s before ret checked checked_bits found every each"
_OF_ENTRY_POINTS = """
    s before now out n label labels words k w state out_states state_cells before_cells after_cells wanted"""

KEYWORDS = frozenset(_KEYWORDS.split())
# The names that the generated code uses for itself: at file scope, in functions, in the eoi_ functions.
FILE_NAMES = frozenset(_OF_FILE.split())
FUNCTION_NAMES = FILE_NAMES | frozenset(_OF_FUNCTIONS.split())
ENTRY_NAMES = FILE_NAMES | frozenset(_OF_ENTRY_POINTS.split())


class Names:
    """Hands out C identifiers for names of the model, none of them twice and none of `taken`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = KEYWORDS | set(taken)

    def give(self, wanted: str) -> str:
        name = re.sub(r"[^A-Za-z0-9_]", "_", wanted)
        if re.match(r"[0-9]|_[A-Z_]|u?int[0-9a-z_]*_t$|U?INT", name):
            name = f"x{name}"  # not C, reserved for the compiler, or one of <stdint.h>
        unique, copy = name, 1
        while unique in self._taken:
            copy += 1
            unique = f"{name}_" if copy == 2 else f"{name}_{copy}"
        self._taken |= {unique}
        return unique


def value_type(of: Scalar) -> str:
    """The C type that holds a code while it is computed with."""
    return "uint64_t" if isinstance(of, MaskType) else "int32_t"


def code_range(of: Scalar) -> tuple[int, int]:
    """Least and greatest code."""
    match of:
        case IntType(lo, hi):
            return lo, hi
        case OptionalType(IntType(_, hi)):
            return 0, 1 + hi
        case BoolType() | EnumType() | OptionalType() | MaskType():
            return 0, size(of) - 1


def comment(text: str) -> str:
    """A one-line C comment that nothing in the text can end."""
    return f"/* {text.replace('*/', '* /')} */"


class CUnit:
    """One C file, as its functions see it. tags: struct -> its name in C. functions: function -> its identifier.
    marks: id of a statement -> the mark that is made before it. stops: the functions that return a status."""

    state = "struct sys"  # what a function is given a pointer to
    tail = ""  # a last argument of every call
    tail_type = "const uint64_t *"
    hurt = "broken = 1;"  # what a pure function does whose local goes out of range
    reserved: frozenset[str] = frozenset()  # names that no variable may have, beside FUNCTION_NAMES
    functions: dict[str, str]
    choices: dict[str, str]
    marks: Mapping[int, int]
    stops: Collection[str]

    def __init__(self, cell_bytes: int) -> None:
        self.cell_bytes = cell_bytes
        self.tags: dict[StructType, str] = {}
        self._fields: dict[StructType, dict[str, str]] = {}
        self._tags = Names(("sys", "cells", "packed"))

    def name_records(self, of: Type) -> None:
        """Give names to the records in a type, inner ones first."""
        match of:
            case TableType():
                self.name_records(of.row)
            case StructType() if of not in self.tags:
                for _, kind in of.fields:
                    self.name_records(kind)
                self.name_record(of, self._tags.give(of.cls.__name__))
            case _:
                pass

    def name_record(self, of: StructType, tag: str) -> None:
        self.tags[of] = tag
        in_struct = Names()
        self._fields[of] = {name: in_struct.give(name) for name, _ in of.fields}

    def field(self, of: Type, name: str) -> str:
        assert isinstance(of, StructType), of
        return self._fields[of][name]

    def declaration(self, of: Type, name: str) -> str:
        """E.g. `struct Lapic apic[2]`, `cell irr`."""
        match of:
            case TableType():
                return self.declaration(of.row, f"{name}[{room(of)}]")
            case StructType():
                return f"struct {self.tags[of]} {name}"
            case _:
                return f"cell {name}"

    def pointer(self, of: Type, name: str, pure: str = "") -> str:
        """A pointer to a struct or mask, or to the first row of a table: `struct Lapic *apic`. pure: "const " or nothing."""
        match of:
            case TableType(row=TableType()):
                return pure + self.declaration(of.row, f"(*{name})")
            case TableType():
                return pure + self.declaration(of.row, f"*{name}")
            case _:
                return pure + self.declaration(of, f"*{name}")

    def members(self, of: StructType) -> list[str]:
        """The lines inside a struct."""
        return [f"\t{self.declaration(kind, self.field(of, name))}; {comment(str(kind))}" for name, kind in of.fields]

    def greatest(self, of: Scalar) -> str:
        """The greatest code of a type."""
        return str(code_range(of)[1])

    def has_others(self, mask: str, of: MaskType) -> str:
        """A test: has a mask bits of indices that its type has not?"""
        return f"{mask} > {code_range(of)[1]:#x}ULL"

    def callee(self, name: str) -> Function:
        raise NotImplementedError

    def in_state(self, state: str, name: str) -> str:
        """A field of the state; state: the pointer to it, "s" or "before"."""
        raise NotImplementedError

    def part_of_field(self, name: str) -> int | None:
        """The part of the state that has a field, where it has a pointer of its own."""
        return None

    def part_pointer(self, state: str, part: int, pure: str) -> str:
        """The declaration of that pointer."""
        raise NotImplementedError

    def mark(self, number: int) -> str:
        raise NotImplementedError


def choice_names(choices: Iterable[str], fields: Iterable[str]) -> dict[str, str]:
    """The cells of choices, beside the fields of the state."""
    in_state = Names(fields)
    return {name: in_state.give(f"choice_{name}") for name in choices}


class Unit(CUnit):
    """The file of a whole program. A function stops if a Require or a failed range check may end the step in it."""

    def __init__(self, program: Program, marks: Mapping[int, int] | None = None) -> None:
        layout = Layout(program)
        super().__init__(layout.cell_bytes)
        self.program = program
        self.marks = marks or {}
        if self.marks:  # handed on, as finding a variable of one's own thread is a call
            self.tail, self.tail_type, self.reserved = "noted", "uint8_t *", frozenset({"noted"})
        self.words8 = layout.words8
        for _, kind in program.state.fields:
            self.name_records(kind)
        self.name_record(program.state, "sys")
        self.choices = choice_names(program.choices, self._fields[program.state].values())
        names = Names(FUNCTION_NAMES | ENTRY_NAMES)
        self.functions = {name: names.give(name) for name in program.functions}
        self.stops = self._stopping()
        self.reached = self._reached()
        self.broken = any(f.returns is not None and facts(f).checks for f in self.reached)

    def _stopping(self) -> frozenset[str]:
        found: set[str] = set()
        for name, function in self.program.functions.items():  # callees come first
            if function.guards or facts(function).checks or not found.isdisjoint(facts(function).does):
                found.add(name)
        return frozenset(found)

    def _reached(self) -> list[Function]:
        """The functions that a step or a formula needs (`initial` is for CPython only), callees first."""
        of_formulas = (name for formula in self.program.formulas for name in formula.functions)
        return reached(self.program.functions, [*(step.name for step in self.program.steps), *of_formulas])

    def callee(self, name: str) -> Function:
        return self.program.functions[name]

    def in_state(self, state: str, name: str) -> str:
        return f"{state}->{self.field(self.program.state, name)}"

    def mark(self, number: int) -> str:
        return f"{self.tail}[{number}] = 1;"

    def types(self) -> list[str]:
        """The lines that declare the state."""
        lines = [f"typedef uint{8 * self.cell_bytes}_t cell;", ""]
        for of, tag in self.tags.items():
            lines.append(f"struct {tag} {{" + (f" {comment(str(of))}" if tag == "sys" else ""))
            if tag == "sys":
                for name, choice in self.program.choices.items():
                    lines.append(f"\tcell {self.choices[name]}; {comment(f'{choice}, a choice')}")
            lines += [*self.members(of), "};", ""]
        count = sum(1 for _ in cells(self.program.state)) + len(self.choices)
        return [
            *lines,
            "union cells {",
            "\tstruct sys s;",
            f"\tuint64_t words[{self.words8}];",
            "};",
            f'_Static_assert(sizeof(struct sys) == {count * self.cell_bytes}, "no padding inside");',
            f'_Static_assert(sizeof(union cells) == {8 * self.words8}, "stride of the engine");',
            "",
        ]
