"""What all functions of one generated C file share: its types and its identifiers.

The state is a struct of cells that all have one unsigned type, so it has no padding and cell k is leaf k of
checker.language.layout; the choices of the scope follow as further cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from checker.language import ir
from checker.language.ir import Assign, Call, Do, Function, Program, Require, Store
from checker.language.layout import Layout, leaves
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
    eoi_edge_atoms eoi_marks marks taking"""
_OF_FUNCTIONS = "s before ret checked checked_bits found every each"
_OF_ENTRY_POINTS = """
    s before now out n label labels words k w state out_states state_cells before_cells after_cells"""

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


# The fields of every class of the IR.
PARTS: dict[type, tuple[str, ...]] = {
    kind: tuple(part.name for part in fields(kind))
    for kind in vars(ir).values()
    if isinstance(kind, type) and kind.__module__ == ir.__name__ and is_dataclass(kind)
}


def walk(node: object) -> Iterator[object]:
    """Every IR node under a node or tuple of nodes, itself included, in source order; types are skipped."""
    waiting: list[object] = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(reversed(node))
        elif (parts := PARTS.get(type(node))) is not None:
            yield node
            waiting.extend(getattr(node, name) for name in reversed(parts))


def reached(program: Program, names: Iterable[str], nodes: Mapping[str, Sequence[object]]) -> list[Function]:
    """The functions of these names and all that they call, callees first. nodes: of each function, the IR nodes in it."""
    wanted = set(names)
    found: list[Function] = []
    for name, function in reversed(program.functions.items()):  # callers come last
        if name in wanted:
            found.append(function)
            wanted |= {node.function for node in nodes[name] if isinstance(node, Do | Call)}
    return found[::-1]


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


class Unit:
    """The identifiers of one program. `stops`: the functions that return a status, because a Require or
    a failed range check may end the step in them. marks: id of a statement -> the mark that is made before it."""

    def __init__(self, program: Program, marks: Mapping[int, int] | None = None) -> None:
        layout = Layout(program)
        self.program = program
        self.marks = marks or {}
        self.cell_bytes = layout.cell_bytes
        self.words8 = layout.words8
        self.tags: dict[StructType, str] = {}
        self._fields: dict[StructType, dict[str, str]] = {}
        self._name_structs(program.state, Names(("sys", "cells")))
        in_state = Names(self._fields[program.state].values())
        self.choices = {name: in_state.give(f"choice_{name}") for name in program.choices}
        names = Names(FUNCTION_NAMES | ENTRY_NAMES)
        self.functions = {name: names.give(name) for name in program.functions}
        self._nodes = {name: list(walk(f.body)) for name, f in program.functions.items()}
        self._checks = {name: _checks(nodes) for name, nodes in self._nodes.items()}
        self.stops = self._stopping()
        self.reached = self._reached()
        self.broken = any(f.returns is not None and self._checks[f.name] for f in self.reached)

    def _name_structs(self, of: Type, names: Names) -> None:
        match of:
            case TableType():
                self._name_structs(of.row, names)
            case StructType() if of not in self.tags:
                for _, kind in of.fields:
                    self._name_structs(kind, names)
                self.tags[of] = "sys" if of == self.program.state else names.give(of.cls.__name__)
                in_struct = Names()
                self._fields[of] = {name: in_struct.give(name) for name, _ in of.fields}
            case _:
                pass

    def _stopping(self) -> frozenset[str]:
        found: set[str] = set()
        for name, function in self.program.functions.items():  # callees come first
            calls = {node.function for node in self._nodes[name] if isinstance(node, Do)}
            if function.guards or self._checks[name] or calls & found:
                found.add(name)
        return frozenset(found)

    def _reached(self) -> list[Function]:
        """The functions that a step or a formula needs (`initial` is for CPython only), callees first."""
        of_formulas = (name for formula in self.program.formulas for name in formula.functions)
        return reached(self.program, [*(step.name for step in self.program.steps), *of_formulas], self._nodes)

    def field(self, of: Type, name: str) -> str:
        assert isinstance(of, StructType), of
        return self._fields[of][name]

    def declaration(self, of: Type, name: str) -> str:
        """E.g. `struct Lapic apic[2]`, `cell irr`."""
        match of:
            case TableType():
                return self.declaration(of.row, f"{name}[{of.rows}]")
            case StructType():
                return f"struct {self.tags[of]} {name}"
            case _:
                return f"cell {name}"

    def pointer(self, of: Type, name: str) -> str:
        """A pointer to a struct or mask, or to the first row of a table: `struct Lapic *apic`."""
        match of:
            case TableType(row=TableType()):
                return self.declaration(of.row, f"(*{name})")
            case TableType():
                return self.declaration(of.row, f"*{name}")
            case _:
                return self.declaration(of, f"*{name}")

    def types(self) -> list[str]:
        """The lines that declare the state."""
        lines = [f"typedef uint{8 * self.cell_bytes}_t cell;", ""]
        for of, tag in self.tags.items():
            lines.append(f"struct {tag} {{" + (f" {comment(str(of))}" if tag == "sys" else ""))
            for name, kind in of.fields:
                lines.append(f"\t{self.declaration(kind, self.field(of, name))}; {comment(str(kind))}")
            if tag == "sys":
                for name, choice in self.program.choices.items():
                    lines.append(f"\tcell {self.choices[name]}; {comment(f'{choice}, a choice')}")
            lines += ["};", ""]
        cells = sum(1 for _ in leaves(self.program.state)) + len(self.choices)
        return [
            *lines,
            "union cells {",
            "\tstruct sys s;",
            f"\tuint64_t words[{self.words8}];",
            "};",
            f'_Static_assert(sizeof(struct sys) == {cells * self.cell_bytes}, "no padding inside");',
            f'_Static_assert(sizeof(union cells) == {8 * self.words8}, "stride of the engine");',
            "",
        ]


def _checks(nodes: Iterable[object]) -> bool:
    """Does the function with these nodes itself disable or fault? (Its callees are not looked at.)"""
    return any(isinstance(n, Require) or (isinstance(n, Assign | Store) and n.check) for n in nodes)
