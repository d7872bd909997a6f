"""Linux while the affinity of an interrupt changes: as it does it (fact L3), and without its care."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.guests.guest import Doing
from model.guests.linux import Linux
from model.lang import Fair, Label, Table, require, step
from model.machine import Cpu, Pin, Trigger, Vector


class LinuxAffinity(Linux):
    """Linux moves an interrupt with care (L3): at the next one; masked, after the LAPIC's EOI, if Remote IRR is 0.

    Simplified: the vector stays; moving and unmasking are one write of the entry.
    """

    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1}

    move_pending: Annotated[Table[Pin, Cpu | None], Label("pin {0} is to go to CPU")]

    @step(by="guest", fair=Fair.FINITE)
    def irq_set_affinity(self, cpu: Cpu, pin: Pin, dest: Cpu) -> None:
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu) and self.driver_ready[pin])
        require(self.move_pending[pin] is None and dest != self.ioapic[pin].dest and self.apic[dest].spiv_enabled)
        self.move_pending[pin] = dest

    @step(by="guest", fair=Fair.WEAK)
    def mask_ioapic_irq(self, cpu: Cpu) -> None:
        """Step 1, only if a move is pending."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        require(any(self.is_level_pin(pin, irq.vector) and self.move_pending[pin] is not None for pin in self.ioapic))
        irq.doing = Doing.MASKED
        self.write_level_pins(irq.vector, Trigger.LEVEL, True)

    def ack_APIC_irq(self, cpu: Cpu) -> None:
        """Step 3."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing in (Doing.ACK, Doing.MASKED))
        require(
            irq.doing == Doing.MASKED
            or not any(self.is_level_pin(p, irq.vector) and self.move_pending[p] is not None for p in self.ioapic)
        )
        irq.doing = Doing.MOVE if irq.doing == Doing.MASKED else Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    @step(by="guest", fair=Fair.WEAK)
    def irq_move_masked_irq(self, cpu: Cpu) -> None:
        """Step 5: with Remote IRR set the move has to wait for another interrupt. The pin is unmasked."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.MOVE)
        irq.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, irq.vector):
                dest = self.move_pending[pin]
                if dest is not None and not rte.remote_irr:
                    self.move_pending[pin] = None
                    self.ioapic_mem_write_rte(pin, rte.vector, dest, Trigger.LEVEL, False)
                else:
                    self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)


class LinuxMovesInService(Linux):
    """Linux moves an interrupt without care: its destination is rewritten while it is pending or in service.

    KVM's stale vectors allow for that. Only the high half of the entry is written (message of 0fc5a36dd6b3).

    It remembers the destination that it wrote, beside what the I/O APIC made of it: bits of a state, and no states.
    """

    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1}

    written_dest: Annotated[Table[Pin, Cpu], Label("pin {0} was last written for CPU")]

    def set_up_pin(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        super().set_up_pin(cpu, pin, vector)
        self.written_dest[pin] = cpu

    @step(by="guest", fair=Fair.FINITE)
    def ioapic_set_affinity(self, cpu: Cpu, pin: Pin, dest: Cpu) -> None:
        rte = self.ioapic[pin]
        require(self.apic[cpu].in_guest and self.driver_ready[pin])
        require(dest != rte.dest and self.apic[dest].spiv_enabled)
        self.written_dest[pin] = dest
        self.ioapic_mem_write_rte_high(pin, dest)
