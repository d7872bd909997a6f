"""Linux before ef3e28c5b956: masked, EOIed, moved to a new CPU and vector without a look at Remote IRR, unmasked.

And (note in 7543a635aa09) an EOI that reaches the I/O APIC on another thread than the vCPU's.
"""

from __future__ import annotations

from typing import ClassVar

from model.guests.linux import Doing, Linux
from model.lang import Fair, Mask, Table, require, step
from model.machine import Cpu, Pin, Trigger, Vector
from model.vmms.qemu import Qemu


class Unchecked(Linux):
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1}

    move_pending: Table[Pin, Cpu | None]
    to_vector: Table[Pin, Vector]

    @step(by="guest", fair=Fair.FINITE)
    def irq_set_affinity(self, cpu: Cpu, pin: Pin, dest: Cpu, vector: Vector) -> None:
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu) and self.driver_ready[pin])
        require(self.move_pending[pin] is None and dest != self.ioapic[pin].dest and self.apic[dest].spiv_enabled)
        require(vector != self.ioapic[pin].vector)
        self.move_pending[pin] = dest
        self.to_vector[pin] = vector

    @step(by="guest", fair=Fair.WEAK)
    def mask_ioapic_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        require(any(self.is_level_pin(pin, irq.vector) and self.move_pending[pin] is not None for pin in self.ioapic))
        irq.doing = Doing.MASKED
        self.write_level_pins(irq.vector, Trigger.LEVEL, True)

    def ack_APIC_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing in (Doing.ACK, Doing.MASKED))
        require(
            irq.doing == Doing.MASKED
            or not any(self.is_level_pin(p, irq.vector) and self.move_pending[p] is not None for p in self.ioapic)
        )
        irq.doing = Doing.MOVE if irq.doing == Doing.MASKED else Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    @step(by="guest", fair=Fair.WEAK)
    def move_native_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.MOVE)
        irq.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, irq.vector):
                dest = self.move_pending[pin]
                if dest is not None and self.may_move(pin):
                    self.move_pending[pin] = None
                    self.ioapic_mem_write_rte(pin, self.to_vector[pin], dest, Trigger.LEVEL, False)
                else:
                    self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)

    def may_move(self, pin: Pin) -> bool:
        return True


class Checked(Unchecked):
    def may_move(self, pin: Pin) -> bool:
        return not self.ioapic[pin].remote_irr


class LateEoi(Qemu):
    """The exit only notes the vector; another thread tells the I/O APIC."""

    late: Mask[Vector]

    def kvm_arch_handle_exit(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = require(apic.exit_ioapic_eoi)
        apic.exit_ioapic_eoi = None
        self.late.add(vector)

    def vmm_holds_eoi(self, vector: Vector) -> bool:
        return vector in self.late

    @step(by="VMM", fair=Fair.WEAK)
    def eoi_thread(self) -> None:
        vector = require(self.late.highest())
        self.late.discard(vector)
        self.ioapic_eoi_broadcast(vector)


class CheckedTwoWrites(Checked):
    """As Linux does it: the masked entry gets its CPU and vector, a second write unmasks it."""

    def move_native_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.MOVE)
        irq.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, irq.vector):
                dest = self.move_pending[pin]
                if dest is not None and self.may_move(pin):
                    self.move_pending[pin] = None
                    self.ioapic_mem_write_rte(pin, self.to_vector[pin], dest, Trigger.LEVEL, True)
                self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)


class UncheckedTwoWrites(CheckedTwoWrites):
    def may_move(self, pin: Pin) -> bool:
        return True
