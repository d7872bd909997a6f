"""Linux where it EOIs the I/O APIC itself: after TMR = 0, and with interrupt remapping (facts L2, L3, L4)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from model.guests.guest import Doing
from model.guests.linux import Linux
from model.lang import Fair, Label, Table, require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector


class LinuxExplicitEoi(Linux):
    """eoi_ioapic_pin() follows the LAPIC's EOI wherever needs_explicit_eoi() said so before it."""

    @abstractmethod
    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        """Asked before the LAPIC's EOI."""

    def ack_APIC_irq(self, cpu: Cpu) -> None:
        """ioapic_ack_level(): what the LAPIC says of the vector is read first."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        irq.doing = Doing.EOI if self.needs_explicit_eoi(cpu, irq.vector) else Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    @step(by="guest", fair=Fair.WEAK)
    def eoi_ioapic_pin(self, cpu: Cpu) -> None:
        """L2: by the version, the EOI register, or the first half of the trigger flip."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.EOI)
        if self.ioapic_version() == IoapicVersion.V20:
            irq.doing = Doing.NOTHING
            self.write_ioapic_eoi_of(irq.vector)
        else:
            irq.doing = Doing.FLIPPED
            self.write_level_pins(irq.vector, Trigger.EDGE, True)

    @step(by="guest", fair=Fair.WEAK)
    def restore_entry(self, cpu: Cpu) -> None:
        """The second half of the trigger flip."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.FLIPPED)
        irq.doing = Doing.NOTHING
        self.write_level_pins(irq.vector, Trigger.LEVEL, False)

    def guest_owes_ioapic_eoi(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(irq.doing in (Doing.EOI, Doing.FLIPPED) and irq.vector == vector for irq in self.irq.values())


class LinuxTmr0(LinuxExplicitEoi):
    """Linux with CPUs that go offline (L3 step 4): with TMR = 0 it EOIs the I/O APIC itself.

    TMR is 0 if CPU offlining found the interrupt pending and forwarded it by IPI, which is an edge.

    Simplified: a CPU that went offline stays so; its pins move in one write each and keep their vectors.
    """

    source: ClassVar[str] = "arch/x86/kernel/irq.c"

    offline: Annotated[Table[Cpu, bool], Label("offline", lane="CPU{0}")]

    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        return vector not in self.apic[cpu].tmr and any(self.is_level_pin(pin, vector) for pin in self.ioapic)

    def guest_uses_cpu(self, cpu: Cpu) -> bool:
        return not self.offline[cpu]

    @step(by="guest", fair=Fair.FREE)
    def fixup_irqs(self, cpu: Cpu, dest: Cpu) -> None:
        """CPU offline, interrupts off: disable the LAPIC, move the pins away, send on what is pending."""
        apic = self.apic[cpu]
        target = self.apic[dest]
        require(apic.in_guest and apic.spiv_enabled and self.guest_is_idle(cpu) and dest != cpu and target.spiv_enabled)
        self.offline[cpu] = True
        self.kvm_lapic_reg_write_spiv(apic, False, False)  # apic_soft_disable(); IRR stays readable
        for pin, rte in self.ioapic.items():
            if self.driver_ready[pin] and rte.dest == cpu:
                self.ioapic_mem_write_rte(pin, rte.vector, dest, self.device_trigger(pin), rte.mask)
        for vector in apic.irr:
            self.apic_accept_irq(target, vector, Trigger.EDGE)


class LinuxIr(LinuxExplicitEoi):
    """Linux with interrupt remapping (L4): the entry's vector is the pin's number, and the IRTE has the LAPIC's vector.

    Without remapping in the machine it is plain Linux.
    """

    scope_defaults: ClassVar[dict[str, int]] = {"vectors": 3}  # so that vectors need not be pin numbers

    irte: Annotated[Table[Pin, Vector], Label("IRTE {0} vector")]

    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        return self.has_interrupt_remapping() and any(self.is_level_pin(pin, vector) for pin in self.ioapic)

    def setup_IO_APIC_irq(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        """The IRTE first, then the entry."""
        apic = self.apic[cpu]
        require(apic.in_guest and apic.spiv_enabled and self.guest_is_idle(cpu) and not self.driver_ready[pin])
        require(not any(self.driver_ready[p] and self.remapped_vector(p) == vector for p in self.ioapic))
        self.driver_ready[pin] = True
        if self.has_interrupt_remapping():
            self.irte[pin] = vector
            self.ioapic_mem_write_rte(pin, self.pin_number(pin), cpu, self.device_trigger(pin), False)
        else:
            self.ioapic_mem_write_rte(pin, vector, cpu, self.device_trigger(pin), False)

    def pin_number(self, pin: Pin) -> Vector:
        """The pin's number in the place of a vector."""
        return pin + 0

    def remapped_vector(self, pin: Pin) -> Vector:
        return self.irte[pin] if self.has_interrupt_remapping() else self.ioapic[pin].vector
