"""What the guests that follow a protocol have in common: boot, and a driver for each pin."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Annotated, ClassVar

from model.lang import Fair, Label, Struct, Table, require, step
from model.machine import Cpu, Machine, Pin, Trigger, Vector


class OwnBoot(Machine):
    """Two vCPUs' worth of kernel that handles interrupts, but for the steps of its boot, which have names of their own."""

    lane: ClassVar[str] = "CPU{cpu}"
    set_up_until: ClassVar[tuple[str, ...]] = ("device",)  # in a story: by whom the first step after the boot is taken
    scope_defaults: ClassVar[dict[str, int]] = {}  # sizes that this guest is explored with unless told otherwise

    driver_ready: Annotated[Table[Pin, bool], Label("driver of pin {0}")]

    @abstractmethod
    def guest_wants_directed_eoi(self) -> bool:
        """Does this guest set SPIV bit 12 where LVR bit 24 offers it?"""

    @abstractmethod
    def guest_is_idle(self, cpu: Cpu) -> bool:
        """No handler runs on this CPU."""

    def enable_lapic(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.in_guest and not apic.spiv_enabled and self.guest_uses_cpu(cpu))
        self.kvm_lapic_reg_write_spiv(apic, True, self.guest_wants_directed_eoi() and apic.lvr_directed_eoi)

    def set_up_pin(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        """A driver on this CPU requests the pin's interrupt; any vector that no other pin uses will do."""
        apic = self.apic[cpu]
        require(apic.in_guest and apic.spiv_enabled and self.guest_is_idle(cpu) and not self.driver_ready[pin])
        require(not any(self.driver_ready[p] and self.remapped_vector(p) == vector for p in self.ioapic))
        self.driver_ready[pin] = True
        self.ioapic_mem_write_rte(pin, vector, cpu, self.device_trigger(pin), False)

    def guest_uses_device(self, pin: Pin) -> bool:
        return self.driver_ready[pin]

    def guest_uses_cpu(self, cpu: Cpu) -> bool:
        return True

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return self.guest_uses_cpu(cpu) and self.guest_is_idle(cpu)

    def service_devices(self, vector: Vector) -> None:
        """Run the drivers of the pins that use this vector."""
        for pin in self.ioapic:
            if self.driver_ready[pin] and self.remapped_vector(pin) == vector:
                self.device_service(pin)

    def remapped_vector(self, pin: Pin) -> Vector:
        """No interrupt remapping."""
        return self.ioapic[pin].vector

    def guest_owes_ioapic_eoi(self, pin: Pin) -> bool:
        return self.guest_owes_directed_eoi(pin)

    def is_level_pin(self, pin: Pin, vector: Vector) -> bool:
        level = self.device_trigger(pin) == Trigger.LEVEL
        return self.driver_ready[pin] and level and self.remapped_vector(pin) == vector

    def write_ioapic_eoi_of(self, vector: Vector) -> None:
        """The EOI register, with the vector of each entry that the interrupt came from."""
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, vector):
                self.ioapic_mem_write_eoi(rte.vector)

    def write_level_pins(self, vector: Vector, trigger: Trigger, mask: bool) -> None:
        """Rewrite the entries of this interrupt's level pins: to mask, to unmask, for the trigger flip."""
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, vector):
                self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, trigger, mask)


class Guest(OwnBoot):
    """It enables its LAPICs and sets up pins by the names of Linux, some of which are Xen's, too."""

    @step(by="guest", fair=Fair.WEAK)
    def setup_local_APIC(self, cpu: Cpu) -> None:
        self.enable_lapic(cpu)

    @step(by="guest", fair=Fair.FREE)
    def setup_IO_APIC_irq(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        self.set_up_pin(cpu, pin, vector)


class Doing(Enum):
    """What a CPU does about the interrupt that it took. Each guest has some of these."""

    NOTHING = 0
    INTERRUPTED = 1  # the vector was taken
    ENTER = 2  # the vector was taken (illumos)
    HANDLER = 3  # the driver is next
    EXIT = 4  # the device is serviced (illumos)
    END = 5  # the device is serviced (Xen)
    ACK = 6  # the LAPIC's EOI is next
    EOI = 7  # the I/O APIC's own EOI is next
    FLIPPED = 8  # the entry is masked and edge, to be restored
    MASKED = 9  # the entry is masked for a move, the LAPIC's EOI is next
    MOVE = 10  # the entry may be moved and is unmasked next


class Handling(Struct):
    doing: Doing
    vector: Annotated[Vector, Label("handles vector")]


class InterruptsOff(Guest):
    """A guest that handles one interrupt at a time on each CPU, with interrupts off until it is done."""

    irq: Annotated[Table[Cpu, Handling], Label("", lane="CPU{0}")]

    def guest_is_idle(self, cpu: Cpu) -> bool:
        return self.irq[cpu].doing == Doing.NOTHING

    def take_interrupt(self, cpu: Cpu, vector: Vector, doing: Doing) -> None:
        irq = self.irq[cpu]
        irq.doing = doing
        irq.vector = vector
