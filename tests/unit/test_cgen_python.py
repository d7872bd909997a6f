"""Generated C against CPython: every step and property in every reachable state of a toy that uses it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import pytest

from checker.engine.atoms import atoms
from checker.language.layout import instances
from checker.language.lower import lower
from model.finite import RangeError, decode
from model.lang import (
    Design,
    Disabled,
    Index,
    Mask,
    Property,
    Scope,
    Struct,
    Table,
    always,
    cells,
    leads_to,
    load,
    reachable,
    require,
    save,
    step,
)  # fmt: skip
from tests.rigs.cgen_harness import Native
from tests.rigs.volume import volume

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]
Vector: TypeAlias = Annotated[int, Index("vectors")]


class Trigger(Enum):
    EDGE = 0
    LEVEL = 1
    OFF = 7


class Version(Enum):
    V11 = 0x11
    V20 = 0x20


@dataclass(frozen=True)
class Sizes(Scope):
    cpus: int = 2
    pins: int = 2
    vectors: int = 3
    version: Version = Version.V20
    lazy: bool = False


class Lapic(Struct):
    irr: Mask[Vector]
    isr: Mask[Vector]
    pending: Vector | None = None


class Rte(Struct):
    line: bool = False
    remote_irr: bool = False
    trigger: Trigger = Trigger.LEVEL
    vector: Vector = 1
    dest: Cpu | None = None


class Toy(Design):
    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    apic: Table[Cpu, Lapic]
    ioapic: Table[Pin, Rte]
    served: Vector = 0

    def deliver(self, rte: Rte) -> None:
        cpu: Cpu = 0
        dest = rte.dest
        if dest is not None:
            cpu = dest
        self.accept(self.apic[cpu].irr, rte.vector)
        rte.remote_irr = rte.trigger == Trigger.LEVEL

    def accept(self, irr: Mask[Vector], vector: Vector) -> None:
        irr.add(vector)

    def ready(self, apic: Lapic) -> Vector | None:
        top = apic.irr.highest()
        if top is None:
            return None
        busy = apic.isr.highest()
        return top if busy is None or busy < top else None

    def eoi(self, vector: Vector) -> None:
        for rte in self.ioapic.values():
            if rte.vector != vector or rte.trigger != Trigger.LEVEL:
                continue
            rte.remote_irr = False
            if rte.line:
                self.deliver(rte)
                if self.scope.version == Version.V11:
                    break

    @step(by="device")
    def set_line(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
        require(rte.line != level)
        rte.line = level
        if level and not rte.remote_irr and rte.trigger != Trigger.OFF:
            self.deliver(rte)

    @step(by="guest")
    def take(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = require(self.ready(apic))
        apic.irr.discard(vector)
        apic.isr.add(vector)

    @step(by="guest")
    def finish(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = require(apic.isr.highest())
        require(apic.pending is None)
        apic.isr.discard(vector)
        if self.scope.lazy and any(v != vector for v in apic.isr):
            apic.pending = vector
        else:
            self.eoi(vector)

    @step(by="vmm")
    def drain(self, cpu: Cpu) -> None:
        vector = require(self.apic[cpu].pending)
        self.apic[cpu].pending = None
        self.eoi(vector)

    @step(by="guest")
    def rewrite(self, pin: Pin, trigger: Trigger) -> None:
        require(pin == 1 and not self.ioapic[pin].line and self.ioapic[pin].trigger != trigger)
        self.ioapic[pin] = Rte(trigger=trigger, vector=2, dest=1)

    @step(by="guest")
    def count(self) -> None:
        require(all(not rte.line for rte in self.ioapic.values()))
        for vector in self.apic[0].isr | self.apic[1].isr:
            self.served += vector


class Hasty(Toy):
    """A patch: it restates one function and calls the one it replaces."""

    def eoi(self, vector: Vector) -> None:
        if any(vector in apic.irr for apic in self.apic.values()):
            return
        super().eoi(vector)


@always()
def no_eoi_lost(s: Toy, pin: Pin) -> bool:
    """Remote IRR is set only while some CPU has the vector."""
    rte = s.ioapic[pin]
    return not rte.remote_irr or any(rte.vector in (a.irr | a.isr) for a in s.apic.values())


@always()
def served_grows(before: Toy, s: Toy, vector: Vector) -> bool:
    """The count never falls."""
    return before.served <= s.served and (s.served != vector or before.served + 1 >= vector)


@leads_to()
def is_served(s: Toy, cpu: Cpu, vector: Vector) -> tuple[bool, bool]:
    """What is requested is taken."""
    return vector in s.apic[cpu].irr, vector in s.apic[cpu].isr


@reachable()
def nested(s: Toy, cpu: Cpu) -> bool:
    """One interrupt interrupts another."""
    apic = s.apic[cpu]
    return any(v in apic.isr and any(w in apic.isr and v < w for w in range(3)) for v in range(3))


PROPERTIES: list[Property] = [no_eoi_lost, served_grows, is_served, nested]
Codes = tuple[int, ...]


class Reference:
    """The same questions, answered by running the model's own methods."""

    def __init__(self, design: type[Toy], scope: Sizes) -> None:
        self.program = lower(design, scope, PROPERTIES)
        self.before, self.now = design(scope), design(scope)
        self.now.initial()
        self.initial = save(list(cells(self.now)))
        self.steps = instances(self.program)
        self.atoms = atoms(self.program)
        self.types = {s.name: [p.type for p in s.params] for s in self.program.steps}

    def expand(self, codes: Codes) -> Iterator[tuple[int, bool, Codes | None]]:
        everything = list(cells(self.now))
        for instance in self.steps:
            load(everything, codes)
            args = [decode(of, a) for of, a in zip(self.types[instance.step], instance.args, strict=True)]  # type: ignore[arg-type]
            try:
                getattr(self.now, instance.step)(*args)
            except Disabled:
                continue
            except RangeError:
                yield instance.label, True, None
            else:
                yield instance.label, False, save(everything)

    def bits(self, of_edges: bool, before: Codes, after: Codes) -> int:
        load(list(cells(self.before)), before)
        load(list(cells(self.now)), after)
        systems = [self.before, self.now] if of_edges else [self.now]
        found = 0
        for atom in self.atoms:
            if atom.of_edges == of_edges:
                value = PROPERTIES[atom.formula].function(*systems, *atom.args)
                found |= bool(value[atom.part] if isinstance(value, tuple) else value) << atom.bit
        return found


@pytest.mark.everything
@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("design", [Toy, Hasty])
def test_c_does_what_python_does(tmp_path: Path, design: type[Toy], version: Version, lazy: bool) -> None:
    reference = Reference(design, Sizes(version=version, lazy=lazy))
    native = Native(reference.program, tmp_path)
    choices = (list(Version).index(version), int(lazy))
    seen, todo, faults = {reference.initial}, [reference.initial], 0
    while todo and len(seen) < volume(700, 1500):
        codes = todo.pop(0)
        found = native.expand(codes, choices)
        assert [(label, bad, None if bad else then) for label, bad, then in found] == list(reference.expand(codes))
        assert native.atoms(codes, choices) == reference.bits(False, codes, codes)
        for _, bad, then in found:
            faults += bad
            if not bad:
                assert native.edge_atoms(codes, then) == reference.bits(True, codes, then)
                if then not in seen:
                    seen.add(then)
                    todo.append(then)
    assert len(seen) > 500
    assert faults > 0
