"""Xen as the guest: EOIs the LAPIC first, and ends a level interrupt at the I/O APIC by what its version allows.

Source: xen/arch/x86/apic.c and io_apic.c at c447b730: SPIV bit 12 wherever LVR bit 24 is set; at the end the EOI
register for version 0x20 and above, else the entry is flipped to edge and back (which opens the pin).
"""

from __future__ import annotations

from typing import ClassVar

from model.guests.guest import Doing, InterruptsOff
from model.lang import Fair, require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector


class Xen(InterruptsOff):
    """Simplified: interrupts are off from do_IRQ() to the end; the flip is two writes of the entry, not four."""

    source: ClassVar[str] = "xen/arch/x86/io_apic.c"

    def guest_wants_directed_eoi(self) -> bool:
        return True

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        self.take_interrupt(cpu, vector, Doing.ACK)

    @step(by="guest", fair=Fair.WEAK)
    def mask_and_ack_level_ioapic_irq(self, cpu: Cpu) -> None:
        """irq_desc.handler->ack: with directed EOI the LAPIC is EOIed before the handler runs."""
        irq = self.irq[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and irq.doing == Doing.ACK)
        irq.doing = Doing.HANDLER
        if apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.WEAK)
    def do_IRQ(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.HANDLER)
        irq.doing = Doing.END
        self.service_devices(irq.vector)

    @step(by="guest", fair=Fair.WEAK)
    def end_level_ioapic_irq(self, cpu: Cpu) -> None:
        """Without directed EOI the LAPIC's EOI ends it. An edge interrupt needs nothing more."""
        irq = self.irq[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and irq.doing == Doing.END)
        irq.doing = Doing.NOTHING
        if not apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)
        elif self.ioapic_version() == IoapicVersion.V20:
            self.ioapic_mem_write_eoi(irq.vector)
        else:
            for pin, rte in self.ioapic.items():
                if self.is_level_pin(pin, irq.vector):
                    irq.doing = Doing.FLIPPED
                    self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.EDGE, True)

    @step(by="guest", fair=Fair.WEAK)
    def restore_entry(self, cpu: Cpu) -> None:
        """The second half of the trigger flip."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.FLIPPED)
        irq.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, irq.vector):
                self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(irq.doing in (Doing.ACK, Doing.HANDLER) and irq.vector == vector for irq in self.irq.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(
            self.apic[cpu].spiv_directed_eoi
            and irq.doing in (Doing.HANDLER, Doing.END, Doing.FLIPPED)
            and irq.vector == vector
            for cpu, irq in self.irq.items()
        )
