"""A machine with four actors, small enough to know every trace by heart.

The device holds a level line; the VMM's I/O APIC turns it into a vector; KVM's local APIC delivers the vector; the
guest ends it. In `Storm` KVM forwards every EOI and the VMM serves the still-high line again, for ever. `Lost` has
the patch that keeps the EOI to itself, and loses it because the guest writes no I/O APIC EOI.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, TypeAlias

from model.lang import Design, Fair, Index, Label, Mask, Patch, Scope, Struct, Table, always, leads_to, require, step

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]
Vector: TypeAlias = Annotated[int, Index("vectors")]


class IoapicVersion(Enum):
    V11 = 0x11
    V20 = 0x20


@dataclass(frozen=True)
class ToyScope(Scope):
    cpus: int = 1
    pins: int = 1
    vectors: int = 2
    ioapic_version: IoapicVersion = IoapicVersion.V11
    masked_at_boot: bool = False


class Lapic(Struct):
    irr: Annotated[Mask[Vector], Label("IRR")]
    isr: Annotated[Mask[Vector], Label("ISR")]


class Rte(Struct):
    vector: Vector = 1
    remote_irr: Annotated[bool, Label("Remote IRR")] = False
    line: bool = False


class Machine(Design):
    """What the actors call of each other, and what a reviewer calls the fields."""

    def kvm_apic_set_irq(self, cpu: Cpu, vector: Vector) -> None:
        """KVM: a message signalled interrupt arrives."""

    def apic_set_eoi(self, cpu: Cpu) -> None:
        """KVM: the guest writes the EOI register."""

    def interrupt_entry(self, cpu: Cpu) -> None:
        """Guest: the handler starts."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """VMM: an EOI exit."""

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """VMM: the device drives its line."""

    def ioapic_has_eoi_register(self) -> bool:
        """VMM: the guest reads the version."""
        return False

    def ioapic_write_vector(self, pin: Pin, vector: Vector) -> None:
        """VMM: the guest programs a pin."""


class ToyKvm(Machine):
    lane: ClassVar[str] = "KVM"
    source: ClassVar[str] = "arch/x86/kvm/lapic.c"
    apic: Annotated[Table[Cpu, Lapic], Label("CPU{0}")]
    pending_eoi: Vector | None = None

    def kvm_apic_set_irq(self, cpu: Cpu, vector: Vector) -> None:
        self.apic[cpu].irr.add(vector)

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_inject(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = require(apic.irr.highest())
        apic.irr.discard(vector)
        apic.isr.add(vector)
        self.interrupt_entry(cpu)

    def apic_set_eoi(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = apic.isr.highest()
        if vector is None:
            return
        apic.isr.discard(vector)
        self.kvm_ioapic_send_eoi(apic, vector)

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.pending_eoi = vector

    @step(by="KVM", fair=Fair.WEAK)
    def complete_eoi_exit(self) -> None:
        vector = require(self.pending_eoi)
        self.pending_eoi = None
        self.ioapic_eoi_broadcast(vector)


class ToyVmm(Machine):
    lane: ClassVar[str] = "VMM"
    source: ClassVar[str] = "hw/intc/ioapic.c"
    ioapic: Annotated[Table[Pin, Rte], Label("pin {0}")]

    def ioapic_has_eoi_register(self) -> bool:
        return self.scope_version() is IoapicVersion.V20

    def scope_version(self) -> IoapicVersion:
        assert isinstance(self.scope, ToyScope)
        return self.scope.ioapic_version

    def ioapic_write_vector(self, pin: Pin, vector: Vector) -> None:
        self.ioapic[pin].vector = vector

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        self.ioapic[pin].line = level
        self.ioapic_service(pin)

    def ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        if rte.line and not rte.remote_irr:
            rte.remote_irr = True
            self.kvm_apic_set_irq(0, rte.vector)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                rte.remote_irr = False
                self.ioapic_service(pin)


class ToyGuest(Machine):
    lane: ClassVar[str] = "CPU{cpu}"
    in_handler: Annotated[Table[Cpu, bool], Label("in handler", lane="CPU{0}")]
    seen_version: IoapicVersion = IoapicVersion.V11

    def interrupt_entry(self, cpu: Cpu) -> None:
        self.in_handler[cpu] = True

    @step(by="guest", fair=Fair.WEAK)
    def guest_eoi(self, cpu: Cpu) -> None:
        require(self.in_handler[cpu])
        if self.ioapic_has_eoi_register():
            self.seen_version = IoapicVersion.V20
        self.in_handler[cpu] = False
        self.apic_set_eoi(cpu)

    @step(by="guest")
    def program_pin(self, pin: Pin, version: IoapicVersion, masked: bool) -> None:
        require(not masked)
        self.seen_version = version
        self.ioapic_write_vector(pin, 0)


class ToyDevice(Machine):
    lane: ClassVar[str] = "device"

    @step(by="device", fair=Fair.FINITE)
    def raise_line(self, pin: Pin) -> None:
        self.ioapic_set_irq(pin, True)

    @step(by="device", fair=Fair.FINITE)
    def lower_line(self, pin: Pin) -> None:
        self.ioapic_set_irq(pin, False)


class Quiet(ToyKvm):
    """The patch: EOIs are not forwarded (those of vector 0 excepted, to have a super() call)."""

    patch: ClassVar[Patch | None] = Patch(
        "KVM: x86: Skip the userspace EOI exit when the guest asked for it",
        author="A. Hacker", date="2025-12-03", msgid="20251203.toy@example.org",
    )  # fmt: skip

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector == 0:
            super().kvm_ioapic_send_eoi(apic, vector)


class Storm(ToyKvm, ToyVmm, ToyGuest, ToyDevice):
    """The system before the patch."""


class Lost(Quiet, ToyVmm, ToyGuest, ToyDevice):
    """The system with the patch."""


@leads_to(source="SDM 10.8.5")
def line_is_quenched(s: Storm, pin: Pin) -> tuple[bool, bool]:
    """Pin {pin} stays asserted and its interrupt comes back for ever."""
    return s.ioapic[pin].line, not s.ioapic[pin].line


@always()
def no_eoi_lost(s: Storm, pin: Pin) -> bool:
    """The pin keeps Remote IRR set and nobody is left who would clear it."""
    return not s.ioapic[pin].remote_irr or s.ioapic[pin].line or bool(s.apic[0].isr)


STORM: list[tuple[str, tuple[Any, ...]]] = [
    ("raise_line", (0,)), ("kvm_inject", (0,)), ("guest_eoi", (0,)), ("complete_eoi_exit", ()),
]  # fmt: skip
STORM_LOOP = 1
LOST: list[tuple[str, tuple[Any, ...]]] = [
    ("raise_line", (0,)), ("kvm_inject", (0,)), ("guest_eoi", (0,)), ("lower_line", (0,)),
]  # fmt: skip
