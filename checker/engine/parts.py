"""What of a system belongs to which of the classes that it is mixed from.

compose() makes a system of one class a role. What a class has that no other of them stands on is its *part*: its
fields and its functions. What several of them stand on (the machine that they share) is the common part, and so is all
of a system that is not mixed. So the C of a part can be made once, whatever the part is mixed with.
"""

from __future__ import annotations

import itertools

from checker.language.ir import Function, Program
from checker.language.layout import Layout, cells
from model.finite import Type
from model.lang import Design

Fields = tuple[tuple[str, Type], ...]


class Parts:
    """fields: of each part, the common one last. functions: those of the program and its uncalled ones, callees first.
    count: the parts beside the common one, whose number it is. of_field: name -> number of its part."""

    def __init__(self, program: Program, design: type[Design]) -> None:
        self.functions: dict[str, Function] = {**program.functions, **program.uncalled}
        self._owners = program.owners
        self._numbers = _numbers(design)
        names = [name for name, _ in program.state.fields]
        self.of_field = {name: self._numbers.get(_declared_in(design, name)) for name in names}
        if not _side_by_side(list(self.of_field.values())):  # then all is common
            self._numbers, self.of_field = {}, dict.fromkeys(names)
        self.count = 1 + max(self._numbers.values(), default=-1)
        fields = program.state.fields
        numbered = [self.of_field[name] for name, _ in fields]
        self.fields: tuple[Fields, ...] = tuple(
            tuple(field for field, of in zip(fields, numbered, strict=True) if of == part)
            for part in (*range(self.count), None)
        )
        self.offsets = self._offsets(program)

    def part_of(self, name: str) -> int | None:
        """The part that a function belongs to; None for the common one. Of a property's function there is none, see
        `is_formula`."""
        return self._numbers.get(self._owners[name])

    def is_formula(self, name: str) -> bool:
        return name not in self._owners

    def _offsets(self, program: Program) -> list[int]:
        """Of each part but the common one: how many bytes of the C state come before its fields (0 if it has none)."""
        layout = Layout(program)
        self.cell_bytes = layout.cell_bytes
        before, at = len(layout.choices), dict[int | None, int]()
        for name, kind in program.state.fields:
            at.setdefault(self.of_field[name], before)
            before += sum(1 for _ in cells(kind))
        return [at.get(part, 0) * layout.cell_bytes for part in range(self.count)]


def _numbers(design: type[Design]) -> dict[type, int]:
    """The classes that one base alone of a mixed system stands on -> the position of that base."""
    bases = design.__bases__
    if len(bases) < 2:
        return {}
    found: dict[type, int] = {}
    for cls in design.__mro__[1:]:
        standing = [number for number, base in enumerate(bases) if issubclass(base, cls)]
        if len(standing) == 1:
            found[cls] = standing[0]
    return found


def _declared_in(design: type[Design], name: str) -> type:
    """The first class that has a field of this name: it says where in the state it lies."""
    return next(c for c in reversed(design.__mro__) if name in vars(c).get("__annotations__", {}))


def _side_by_side(numbers: list[int | None]) -> bool:
    """Do the common fields come first, and then those of one part after the other?"""
    order = [number for number, _ in itertools.groupby(numbers)]
    return len(order) == len(set(order)) and None not in order[1:]
