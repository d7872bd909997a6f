"""A small system of two roles in four files, to be edited: what is linked of it does what CPython does, or an assertion
fails."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checker.engine.atoms import atoms
from checker.engine.passages import passages, tracing, users_files
from checker.engine.reference import Reference
from checker.language.ir import Program
from checker.language.lower import lower
from model.finite import size
from model.lang import Design, Property, Scope, compose
from tests.rigs.compare import InParts, load_module, reference_moves
from tests.rigs.header import Sizes

FILES = {
    "shared": '''\
from tests.rigs.header import *
NUMBER = 1


@dataclass(frozen=True)
class Wide(Sizes):
    eager: bool = False


class Shared(Design):
    scope: Sizes
    TOP = 1
    on: bool
    seen: Mask[Pin]

    def wanted(self, pin: Pin) -> bool:
        return pin == self.TOP

    def note(self, pin: Pin) -> None:
        if self.wanted(pin):
            self.seen.add(pin)

    @step(by="both")
    def toggle(self) -> None:
        self.on = not self.on
''',
    "one": '''\
from tests.rigs.header import *
from shared import NUMBER, Shared


class One(Shared):
    level: Pin
    last: Pin | None

    def above(self, pin: Pin) -> bool:
        if pin == 0:
            return False
        return pin + 1 > self.level

    @step(by="one")
    def send(self, cpu: Cpu, pin: Pin) -> None:
        require(self.free(cpu, pin))
        self.take(self.rows[cpu], self.seen, cpu, pin)
        self.last = pin

    @step(by="one")
    def rise(self) -> None:
        self.level += NUMBER

    @step(by="one")
    def look(self, pin: Pin) -> None:
        require(pin != 0)
        if self.above(pin):
            self.note(pin)
''',
    "two": '''\
from tests.rigs.header import *
from shared import Shared


class Two(Shared):
    rows: Table[Cpu, Row]
    rest: Pin

    def free(self, cpu: Cpu, pin: Pin) -> bool:
        return not self.rows[cpu].line and not pin in self.seen

    def take(self, row: Row, mask: Mask[Pin], cpu: Cpu, pin: Pin) -> None:
        require(self.rest == 0 or pin != 0)
        row.line = True
        row.vector = pin
        if cpu == 1:
            mask.add(pin)
        self.note(pin)

    def tick(self) -> None:
        self.rest = 1

    @step(by="two")
    def give(self, cpu: Cpu) -> None:
        require(self.last is not None)
        self.rows[cpu].line = False
        self.rest = 2 if self.scope.lazy else 0
''',
    "patched": '''\
from tests.rigs.header import *
from two import Two


class Patched(Two):
    def wanted(self, pin: Pin) -> bool:
        return super().wanted(pin) or pin == 0

    def take(self, row: Row, mask: Mask[Pin], cpu: Cpu, pin: Pin) -> None:
        if not self.on:
            return
        super().take(row, mask, cpu, pin)
        self.rest = pin
''',
    "others": '''\
from tests.rigs.header import *
from shared import Shared
from one import One
from two import Two


class Third(Shared):
    third: bool

    @step(by="third")
    def third_step(self) -> None:
        self.third = self.free(0, 0)


class Thirdwide(Third):
    many: Mask[Annotated[int, Index(9)]]


class Thirdtick(Third):
    @step(by="third")
    def tick(self) -> None:
        self.third = False


class Twotop(Two):
    TOP = 2


class Extra(Design):
    scope: Sizes
    extra: Pin


class Twoextra(Two, Extra):
    @step(by="two")
    def more(self) -> None:
        self.extra = self.rest


class Between(Shared):
    between: Pin


class Twobetween(Two, Between):
    source = "its part begins with the field of another class"


class Oneextra(One, Extra):
    def extras(self) -> bool:
        return self.extra == 0


class Odd(One):
    odd: bool

    def wanted(self, pin: Pin) -> bool:
        return super().wanted(pin) and not self.odd

    @step(by="both")
    def toggle(self) -> None:
        super().toggle()
        self.odd = self.on

    @step(by="one")
    def again(self) -> None:
        self.initial()

    def initial(self) -> None:
        super().initial()
        self.level = 1
''',
    "properties": '''\
from tests.rigs.header import *
from shared import Shared


@always()
def seldom(s: Shared, pin: Pin) -> bool:
    return not s.on or pin not in s.seen or s.above(pin) or s.rest == 1


@leads_to()
def let_go(s: Shared, cpu: Cpu) -> tuple[bool, bool]:
    return s.rows[cpu].line, s.level != 1 or s.wanted(s.level)


@always()
def rises(before: Shared, s: Shared) -> bool:
    return before.level <= s.level and before.rest != 2
''',
}  # fmt: skip
FILES["shared"] = FILES["shared"].replace("import *\n", "import *\nfrom dataclasses import dataclass\n", 1)
numbers = itertools.count()
Edits = Mapping[str, tuple[tuple[str, str], ...]]  # file -> (what stands there, what takes its place)


@dataclass(frozen=True)
class Toy:
    design: type[Design]
    scope: Scope
    properties: list[Property]
    program: Program


class Files:
    """The files with some edits, loaded under names of their own."""

    def __init__(self, folder: Path, edits: Edits | None = None) -> None:
        prefix, self.names = f"linked_toy_{next(numbers)}", dict[str, object]()
        for file, text in FILES.items():
            for good, bad in (edits or {}).get(file, ()):
                assert good in text, "the edit must be possible"
                text = text.replace(good, bad)
            for other in FILES:
                text = text.replace(f"from {other} import", f"from {prefix}_{other} import")
            path = folder / f"{prefix}_{file}.py"
            path.write_text(text)
            self.names |= vars(load_module(path, f"{prefix}_{file}"))
        self.properties = [p for p in self.names.values() if isinstance(p, Property)]

    def toy(self, roles: str = "one patched", scope: Scope | None = None, properties: bool = True) -> Toy:
        """The system of these classes."""
        classes: list[type[Design]] = [self.names[role.capitalize()] for role in roles.split()]  # type: ignore[misc]
        design = classes[0] if len(classes) == 1 else compose(*classes)
        asked = self.properties if properties else []
        return Toy(design, scope or Sizes(), asked, lower(design, scope or Sizes(), asked))


def check(toy: Toy, tries: int = 60, notes: bool = True) -> list[object]:
    """Steps, lines and formulas of the linked program in random states, as CPython has them; returns what was found.

    Raises AssertionError."""
    noted = passages(toy.program, toy.design) if notes else []
    known = {(line.file, line.number) for passage in noted for line in passage.lines}
    reference, parts = Reference(toy.design, toy.scope), InParts(toy.program, toy.design, toy.scope, noted)
    choose, kinds = random.Random(3), [leaf.type for leaf in parts.layout.leaves]
    states = list(dict.fromkeys(tuple(choose.randrange(size(of)) for of in kinds) for _ in range(tries)))
    exploration, found = parts.explore(), list[object]()
    with tracing(users_files(toy.design)) as ran:
        expected = [reference_moves(reference, state) for state in states]
    for state, wanted in zip(states, expected, strict=True):
        moves = parts.moves(state)
        assert moves == wanted
        found.append(moves)
        exploration.add_initial(parts.raw(state))
    for atom in (atom for atom in atoms(toy.program) if not atom.of_edges):
        p = toy.properties[atom.formula]
        told = [reference.holds(p.function, atom.args, state) for state in states]
        values = [bool(value[atom.part] if isinstance(value, tuple) else value) for value in told]
        assert exploration.eval_atoms([atom.bit])[0].tolist() == values
        found.append(values)
    assert parts.lines() == ran & known, "lines that properties alone run do not count"
    return found
