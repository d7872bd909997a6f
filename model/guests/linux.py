"""Linux: services the device, then EOIs the LAPIC; never sets SPIV bit 12 (arch/x86/kernel/apic/io_apic.c)."""

from __future__ import annotations

from typing import ClassVar

from model.guests.guest import Doing, InterruptsOff
from model.lang import Fair, require, step
from model.machine import Cpu, Pin, Vector


class Linux(InterruptsOff):
    """Simplified: no masking flows, no affinity changes, no explicit EOI: other guests have them, one each."""

    source: ClassVar[str] = "arch/x86/kernel/apic/io_apic.c"

    def guest_wants_directed_eoi(self) -> bool:
        return False

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        self.take_interrupt(cpu, vector, Doing.HANDLER)

    @step(by="guest", fair=Fair.WEAK)
    def handle_fasteoi_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.HANDLER)
        irq.doing = Doing.ACK
        self.service_devices(irq.vector)

    @step(by="guest", fair=Fair.WEAK)
    def ack_APIC_irq(self, cpu: Cpu) -> None:
        """ioapic_ack_level() without an affinity change: the LAPIC's EOI, broadcast by KVM."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        irq.doing = Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(irq.doing == Doing.HANDLER and irq.vector == vector for irq in self.irq.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return False
