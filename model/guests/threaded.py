"""Guests that EOI the LAPIC at once and service the device later, in a thread: seL4, Linux's one-shot handlers, and a
broken guest that does not even mask the pin."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, ClassVar

from model.guests.guest import Doing, InterruptsOff
from model.lang import Fair, Label, Table, require, step
from model.machine import Cpu, Pin, Trigger, Vector


class Thread(Enum):
    ASLEEP = 0
    WOKEN = 1  # the device is to be serviced
    DONE = 2  # the pin is to be unmasked


class Threaded(InterruptsOff):
    """The pin is masked and the LAPIC EOIed; the thread services the device, and the pin is unmasked when it is done."""

    thread: Annotated[Table[Pin, Thread], Label("thread of pin {0}")]

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        self.take_interrupt(cpu, vector, Doing.INTERRUPTED)

    @step(by="guest", fair=Fair.WEAK)
    def mask_and_wake(self, cpu: Cpu) -> None:
        """A level pin is masked until its device is serviced."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.INTERRUPTED)
        irq.doing = Doing.ACK
        for pin in self.ioapic:
            if self.driver_ready[pin] and self.remapped_vector(pin) == irq.vector:
                self.thread[pin] = self.woken(pin)
        if self.masks_pins():
            self.write_level_pins(irq.vector, Trigger.LEVEL, True)

    def masks_pins(self) -> bool:
        return True

    def woken(self, pin: Pin) -> Thread:
        return Thread.WOKEN

    @step(by="guest", fair=Fair.WEAK)
    def ack(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        irq.doing = Doing.EOI if self.needs_explicit_eoi(cpu, irq.vector) else Doing.NOTHING
        self.apic_set_eoi(self.apic[cpu])

    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        return False

    @step(by="guest", fair=Fair.STRONG)
    def thread_fn(self, cpu: Cpu, pin: Pin) -> None:
        """The thread runs where its interrupts go. STRONG: a thread that can run again and again does run."""
        apic = self.apic[cpu]
        require(apic.in_guest and self.guest_is_idle(cpu) and self.kvm_apic_has_interrupt(apic) is None)
        require(self.ioapic[pin].dest == cpu and self.thread[pin] == Thread.WOKEN)
        self.thread[pin] = Thread.DONE if self.masks_pins() else Thread.ASLEEP
        self.device_service(pin)

    @step(by="guest", fair=Fair.WEAK)
    def unmask(self, cpu: Cpu, pin: Pin) -> None:
        rte = self.ioapic[pin]
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu))
        require(rte.dest == cpu and self.thread[pin] == Thread.DONE)
        self.thread[pin] = Thread.ASLEEP
        if self.device_trigger(pin) == Trigger.LEVEL:
            self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        taken = any(irq.doing == Doing.INTERRUPTED and irq.vector == vector for irq in self.irq.values())
        return taken or self.thread[pin] == Thread.WOKEN

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return False


class Sel4(Threaded):
    """seL4: mask the pin, EOI the LAPIC, let the driver thread service the device, unmask when it acknowledges (3.6)."""

    def guest_wants_directed_eoi(self) -> bool:
        return False


class LinuxThreaded(Threaded):
    """Linux's one-shot handler (L6): the hard half wakes the thread if its device wants service, else EOI and unmask."""

    source: ClassVar[str] = "kernel/irq/chip.c"

    def guest_wants_directed_eoi(self) -> bool:
        return False

    def woken(self, pin: Pin) -> Thread:
        if self.raised[pin] or self.thread[pin] == Thread.WOKEN:
            return Thread.WOKEN
        return Thread.DONE


class Broken(Threaded):
    """Broken: EOIs before the cause is cleared and masks nothing, as Hyper-V 2016 did (QEMU 958a01dab8e0, kvm.md B11)."""

    on_request = "broken on purpose"

    def guest_wants_directed_eoi(self) -> bool:
        return False

    def masks_pins(self) -> bool:
        return False
