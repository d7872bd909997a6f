"""Xen as the guest: EOIs the LAPIC first, and ends a level interrupt at the I/O APIC by what its version allows.

Source: xen/arch/x86/apic.c and io_apic.c at c447b730: SPIV bit 12 wherever LVR bit 24 is set; at the end the EOI
register for version 0x20 and above, else the entry is flipped to edge and back (which opens the pin).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, ClassVar

from model.guests.guest import Guest
from model.lang import Fair, Label, Struct, Table, require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector


class Doing(Enum):
    NOTHING = 0
    ACK = 1  # do_IRQ() has begun
    HANDLER = 2  # the LAPIC is EOIed if broadcasts are suppressed
    END = 3  # the handler is done
    FLIPPED = 4  # the entry is masked and edge, to be restored


class XenCpu(Struct):
    doing: Doing
    vector: Annotated[Vector, Label("handles vector")]


class Xen(Guest):
    """Simplified: interrupts are off from do_IRQ() to the end; the flip is two writes of the entry, not four."""

    source: ClassVar[str] = "xen/arch/x86/io_apic.c"

    xen: Annotated[Table[Cpu, XenCpu], Label("", lane="CPU{0}")]

    def guest_wants_directed_eoi(self) -> bool:
        return True

    def guest_is_idle(self, cpu: Cpu) -> bool:
        return self.xen[cpu].doing == Doing.NOTHING

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        xen = self.xen[cpu]
        xen.doing = Doing.ACK
        xen.vector = vector

    @step(by="guest", fair=Fair.WEAK)
    def mask_and_ack_level_ioapic_irq(self, cpu: Cpu) -> None:
        """irq_desc.handler->ack: with directed EOI the LAPIC is EOIed before the handler runs."""
        xen = self.xen[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and xen.doing == Doing.ACK)
        xen.doing = Doing.HANDLER
        if apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.WEAK)
    def do_IRQ(self, cpu: Cpu) -> None:
        xen = self.xen[cpu]
        require(self.apic[cpu].in_guest and xen.doing == Doing.HANDLER)
        xen.doing = Doing.END
        self.service_devices(xen.vector)

    @step(by="guest", fair=Fair.WEAK)
    def end_level_ioapic_irq(self, cpu: Cpu) -> None:
        """Without directed EOI the LAPIC's EOI ends it. An edge interrupt needs nothing more."""
        xen = self.xen[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and xen.doing == Doing.END)
        xen.doing = Doing.NOTHING
        if not apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)
        elif self.ioapic_version() == IoapicVersion.V20:
            self.ioapic_mem_write_eoi(xen.vector)
        else:
            for pin, rte in self.ioapic.items():
                if self.is_level_pin(pin, xen.vector):
                    xen.doing = Doing.FLIPPED
                    self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.EDGE, True)

    @step(by="guest", fair=Fair.WEAK)
    def restore_entry(self, cpu: Cpu) -> None:
        """The second half of the trigger flip."""
        xen = self.xen[cpu]
        require(self.apic[cpu].in_guest and xen.doing == Doing.FLIPPED)
        xen.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, xen.vector):
                self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(xen.doing in (Doing.ACK, Doing.HANDLER) and xen.vector == vector for xen in self.xen.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(
            self.apic[cpu].spiv_directed_eoi
            and xen.doing in (Doing.HANDLER, Doing.END, Doing.FLIPPED)
            and xen.vector == vector
            for cpu, xen in self.xen.items()
        )
