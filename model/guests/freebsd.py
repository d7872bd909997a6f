"""FreeBSD with EOI suppression forced on (facts B1, B2): sys/x86/x86/local_apic.c and io_apic.c.

B1: under KVM it is off unless the tunable hw.lapic_eoi_suppression says otherwise; it does here. Where LVR bit 24 is
not set, FreeBSD masks, EOIs the LAPIC, services in an ithread and unmasks.
"""

from __future__ import annotations

from typing import ClassVar

from model.guests.guest import Doing
from model.guests.threaded import Threaded
from model.lang import Fair, require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector


class FreeBsd(Threaded):
    """The I/O APIC's EOI follows the LAPIC's at once, with the pin masked; the ithread services the device later."""

    called = "freebsd"
    source: ClassVar[str] = "sys/x86/x86/io_apic.c"

    def guest_wants_directed_eoi(self) -> bool:
        return True

    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        return self.apic[cpu].spiv_directed_eoi and any(self.is_level_pin(pin, vector) for pin in self.ioapic)

    @step(by="guest", fair=Fair.WEAK)
    def ioapic_eoi_source(self, cpu: Cpu) -> None:
        """B2: the register from version 0x20 on, else masked and edge."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.EOI)
        if self.ioapic_version() == IoapicVersion.V20:
            irq.doing = Doing.NOTHING
            self.write_ioapic_eoi_of(irq.vector)
        else:
            irq.doing = Doing.FLIPPED
            self.write_level_pins(irq.vector, Trigger.EDGE, True)

    @step(by="guest", fair=Fair.WEAK)
    def ioapic_restore(self, cpu: Cpu) -> None:
        """Level again, and still masked."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.FLIPPED)
        irq.doing = Doing.NOTHING
        self.write_level_pins(irq.vector, Trigger.LEVEL, True)

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(
            self.apic[cpu].spiv_directed_eoi and irq.doing in (Doing.EOI, Doing.FLIPPED) and irq.vector == vector
            for cpu, irq in self.irq.items()
        )
