"""Linux: services the device, then EOIs the LAPIC; never sets SPIV bit 12 (arch/x86/kernel/apic/io_apic.c)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, ClassVar

from model.guests.guest import Guest
from model.lang import Fair, Label, Struct, Table, require, step
from model.machine import Cpu, Pin, Vector


class Doing(Enum):
    NOTHING = 0
    HANDLER = 1  # handle_fasteoi_irq(), interrupts off
    ACK = 2  # the handler is done, the LAPIC's EOI is next
    EOI = 3  # some variants: the I/O APIC's own EOI is next
    FLIPPED = 4  # the entry is masked and edge, to be restored
    MASKED = 5  # the entry is masked for a move, the LAPIC's EOI is next
    MOVE = 6  # the entry may be moved and is unmasked next


class LinuxCpu(Struct):
    doing: Doing
    vector: Annotated[Vector, Label("handles vector")]


class Linux(Guest):
    """Simplified: no masking flows, no affinity changes, no explicit EOI: other guests have them, one each."""

    source: ClassVar[str] = "arch/x86/kernel/apic/io_apic.c"

    linux: Annotated[Table[Cpu, LinuxCpu], Label("", lane="CPU{0}")]

    def guest_wants_directed_eoi(self) -> bool:
        return False

    def guest_is_idle(self, cpu: Cpu) -> bool:
        return self.linux[cpu].doing == Doing.NOTHING

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        linux = self.linux[cpu]
        linux.doing = Doing.HANDLER
        linux.vector = vector

    @step(by="guest", fair=Fair.WEAK)
    def handle_fasteoi_irq(self, cpu: Cpu) -> None:
        linux = self.linux[cpu]
        require(self.apic[cpu].in_guest and linux.doing == Doing.HANDLER)
        linux.doing = Doing.ACK
        self.service_devices(linux.vector)

    @step(by="guest", fair=Fair.WEAK)
    def ack_APIC_irq(self, cpu: Cpu) -> None:
        """ioapic_ack_level() without an affinity change: the LAPIC's EOI, broadcast by KVM."""
        linux = self.linux[cpu]
        require(self.apic[cpu].in_guest and linux.doing == Doing.ACK)
        linux.doing = Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(linux.doing == Doing.HANDLER and linux.vector == vector for linux in self.linux.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return False
