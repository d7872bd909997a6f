"""illumos with directed EOI forced on (fact N1): usr/src/uts/i86pc/io/pcplusmp, apix.

By default (state 2) it is off under KVM. On, SPIV bit 12 is set wherever LVR bit 24 is, and the EOI register is written
whatever the I/O APIC's version is. As in class G-DIR-EOIR of the facts (3.7), the device is serviced in between.
"""

from __future__ import annotations

from model.guests.guest import Doing, InterruptsOff
from model.lang import Fair, require, step
from model.machine import Cpu, Pin, Vector


class Illumos(InterruptsOff):
    """Simplified: interrupts are off throughout; without LVR bit 24 the LAPIC is EOIed at the end, unmasked."""

    def guest_wants_directed_eoi(self) -> bool:
        return True

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        self.take_interrupt(cpu, vector, Doing.ENTER)

    @step(by="guest", fair=Fair.WEAK)
    def apic_send_eoi(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and irq.doing == Doing.ENTER)
        irq.doing = Doing.HANDLER
        if apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.WEAK)
    def service(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.HANDLER)
        irq.doing = Doing.EXIT
        self.service_devices(irq.vector)

    @step(by="guest", fair=Fair.WEAK)
    def apic_send_directed_EOI(self, cpu: Cpu) -> None:
        """No version test here."""
        irq = self.irq[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and irq.doing == Doing.EXIT)
        irq.doing = Doing.NOTHING
        if apic.spiv_directed_eoi:
            self.ioapic_mem_write_eoi(irq.vector)
        else:
            self.apic_set_eoi(apic)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(irq.doing in (Doing.ENTER, Doing.HANDLER) and irq.vector == vector for irq in self.irq.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(
            self.apic[cpu].spiv_directed_eoi and irq.doing in (Doing.HANDLER, Doing.EXIT) and irq.vector == vector
            for cpu, irq in self.irq.items()
        )
