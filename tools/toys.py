"""Models to measure with, of two or three million states in a few hundred bits of rules, in the language and small enough
to be written by hand for any checker: interrupts of level-triggered pins, delivered to CPUs and ended by an EOI that may be
directed. T, S and M are sizes of it whose counts other checkers have confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

from model.lang import Design, Fair, Index, Mask, Scope, Struct, Table, always, reachable, require, step

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]


class Doing(Enum):
    """Where a CPU is in its handler."""

    IDLE = 0
    ENTERED = 1
    SERVICED = 2
    ENDED = 3
    DONE = 4


@dataclass(frozen=True)
class Sizes(Scope):
    cpus: int = 2
    pins: int = 2
    directed: bool = True  # the guest may switch directed EOI on and off
    edges: bool = True  # there are messages without a pin
    told: int = 64  # how many CPUs get these


class Local(Struct):
    irr: Mask[Pin]
    isr: Mask[Pin]
    tmr: Mask[Pin]
    directed: bool = False
    pending: Pin | None = None
    doing: Doing = Doing.IDLE
    current: Pin = 0


class Entry(Struct):
    line: bool = False
    mask: bool = False
    remote_irr: bool = False
    dest: Cpu = 0


class Toy(Design):
    scope: Sizes
    apic: Table[Cpu, Local]
    entries: Table[Pin, Entry]

    def somebody_is_idle(self) -> bool:
        return any(apic.doing == Doing.IDLE for apic in self.apic.values())

    def send(self, entry: Entry, pin: Pin) -> None:
        entry.remote_irr = True
        self.apic[entry.dest].irr.add(pin)
        self.apic[entry.dest].tmr.add(pin)

    def open(self, pin: Pin) -> None:
        entry = self.entries[pin]
        entry.remote_irr = False
        if entry.line and not entry.mask:
            self.send(entry, pin)

    @step(by="device", fair=Fair.FREE)
    def raise_line(self, pin: Pin) -> None:
        entry = self.entries[pin]
        require(not entry.line)
        entry.line = True
        if not entry.mask and not entry.remote_irr:
            self.send(entry, pin)

    @step(by="device", fair=Fair.FREE)
    def lower_line(self, pin: Pin) -> None:
        require(self.entries[pin].line)
        self.entries[pin].line = False

    @step(by="guest", fair=Fair.FREE)
    def mask(self, pin: Pin) -> None:
        require(not self.entries[pin].mask and self.somebody_is_idle())
        self.entries[pin].mask = True

    @step(by="guest", fair=Fair.FREE)
    def unmask(self, pin: Pin) -> None:
        entry = self.entries[pin]
        require(entry.mask and self.somebody_is_idle())
        entry.mask = False
        if entry.line and not entry.remote_irr:
            self.send(entry, pin)

    @step(by="guest", fair=Fair.FREE)
    def set_dest(self, pin: Pin, cpu: Cpu) -> None:
        entry = self.entries[pin]
        require(entry.mask and entry.dest != cpu and self.somebody_is_idle())
        entry.dest = cpu

    @step(by="guest", fair=Fair.FREE)
    def toggle_directed(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(self.scope.directed and apic.doing == Doing.IDLE)
        apic.directed = not apic.directed

    @step(by="device", fair=Fair.FREE)
    def send_edge(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(self.scope.edges and cpu < self.scope.told and 0 not in apic.irr)
        apic.irr.add(0)
        apic.tmr.discard(0)

    @step(by="kernel", fair=Fair.WEAK)
    def accept(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.doing == Doing.IDLE)
        vector = require(apic.irr.highest())
        apic.irr.discard(vector)
        apic.isr.add(vector)
        apic.current = vector
        apic.doing = Doing.ENTERED

    @step(by="guest", fair=Fair.FREE)
    def service(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.doing in (Doing.ENTERED, Doing.ENDED))
        self.entries[apic.current].line = False
        apic.doing = Doing.SERVICED if apic.doing == Doing.ENTERED else Doing.DONE

    @step(by="guest", fair=Fair.FREE)
    def end_locally(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.doing in (Doing.ENTERED, Doing.SERVICED))
        require(apic.pending is None or apic.directed or apic.current not in apic.tmr)
        apic.isr.discard(apic.current)
        apic.doing = Doing.ENDED if apic.doing == Doing.ENTERED else Doing.DONE
        if apic.current in apic.tmr and not apic.directed:
            apic.pending = apic.current

    @step(by="guest", fair=Fair.FREE)
    def end_directly(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.doing == Doing.DONE and apic.directed)
        self.open(apic.current)
        apic.doing = Doing.IDLE
        apic.current = 0

    @step(by="guest", fair=Fair.FREE)
    def leave(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.doing == Doing.DONE and not apic.directed)
        apic.doing = Doing.IDLE
        apic.current = 0

    @step(by="vmm", fair=Fair.WEAK)
    def drain(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        pin = require(apic.pending)
        self.open(pin)
        apic.pending = None


@always()
def line_is_sent(s: Toy, pin: Pin) -> bool:
    """A line that is up and not masked is in flight. Violated: that of pin {pin} is not."""
    return not s.entries[pin].line or s.entries[pin].mask or s.entries[pin].remote_irr


@always()
def nothing_is_pending(s: Toy, cpu: Cpu) -> bool:
    """Wrong on purpose: no EOI waits for the VMM. Violated: one of CPU{cpu} does."""
    return s.apic[cpu].pending is None


@reachable()
def both_are_in_service(s: Toy, cpu: Cpu) -> bool:
    """Both vectors are in service on one CPU."""
    return 0 in s.apic[cpu].isr and 1 in s.apic[cpu].isr


@dataclass(frozen=True)
class Toys:
    """A size, and its counts: those of SPIN, rumur and C that was written by hand (November 2026)."""

    scope: Sizes
    states: int
    transitions: int


TOYS = {
    "T": Toys(Sizes(edges=False), 279_424, 1_850_880),
    "S": Toys(Sizes(directed=False), 2_220_896, 15_748_784),
    "M": Toys(Sizes(), 8_633_824, 65_648_864),
    "21M": Toys(Sizes(cpus=3, edges=False), 21_460_032, 195_073_344),
    "L": Toys(Sizes(cpus=3, directed=False, told=1), 185_585_040, 1_624_907_704),
}
