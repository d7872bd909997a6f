"""Two devices on one line: KVM ORs their sources, and the OR may arrive late."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, TypeAlias

from model.designs.base import Base
from model.devices import Level
from model.lang import Fair, Index, Label, Mask, Patch, Struct, Table, require, step
from model.machine import Pin

Source: TypeAlias = Annotated[int, Index(2)]


class Call(Struct):
    """A thread's kvm_set_irq() that has not reached the I/O APIC yet."""

    on_its_way: Annotated[bool, Label("call of source {0} on its way")]
    pin: Annotated[Pin, Label("pin of that call")]
    level: Annotated[bool, Label("level of that call")]


class TwoDevices(Level):
    """Two devices share each line, and each has a thread of its own in the VMM.

    Simplified: a device whose thread is still in KVM_IRQ_LINE is not serviced; it waits for the next interrupt.
    """

    wants: Annotated[Table[Pin, Mask[Source]], Label("devices of line {0}")]

    @abstractmethod
    def kvm_set_irq_source(self, pin: Pin, source: Source, level: bool) -> None:
        """KVM_IRQ_LINE for a source, in the source's thread."""

    @abstractmethod
    def kvm_set_irq_in_progress(self, source: Source) -> bool:
        """The source's thread has not returned from KVM_IRQ_LINE."""

    def device_raise(self, pin: Pin) -> None:
        """The first device."""
        require(0 not in self.wants[pin] and self.guest_uses_device(pin) and not self.kvm_set_irq_in_progress(0))
        self.raise_source(pin, 0)

    @step(by="device", fair=Fair.FINITE)
    def second_device_raise(self, pin: Pin) -> None:
        require(1 not in self.wants[pin] and self.guest_uses_device(pin) and not self.kvm_set_irq_in_progress(1))
        self.raise_source(pin, 1)

    def raise_source(self, pin: Pin, source: Source) -> None:
        self.wants[pin].add(source)
        self.raised[pin] = True
        self.kvm_set_irq_source(pin, source, True)

    def device_service(self, pin: Pin) -> None:
        """The handlers of both devices run."""
        for source in self.wants[pin]:
            if not self.kvm_set_irq_in_progress(source):
                self.wants[pin].discard(source)
                self.kvm_set_irq_source(pin, source, False)
        self.raised[pin] = 0 in self.wants[pin] or 1 in self.wants[pin]


class LineSources(Base):
    patch = Patch(title="A line is the OR of its sources", note="what B14 needs")
    default_roles = {"vmm": ("firecracker",), "guest": ("linux",), "device": ("two_devices",)}
    scope_defaults = {"cpus": 1, "pins": 1}

    irq_states: Annotated[Table[Pin, Mask[Source]], Label("pin {0} irq_states")]

    def kvm_set_irq_source(self, pin: Pin, source: Source, level: bool) -> None:
        """kvm_set_irq(): the OR is computed under the I/O APIC's lock."""
        self.kvm_irq_line_state(pin, source, level)
        self.kvm_ioapic_set_irq(pin, self.line_is_high(pin))

    def kvm_irq_line_state(self, pin: Pin, source: Source, level: bool) -> None:
        if level:
            self.irq_states[pin].add(source)
        else:
            self.irq_states[pin].discard(source)

    def line_is_high(self, pin: Pin) -> bool:
        return 0 in self.irq_states[pin] or 1 in self.irq_states[pin]

    def kvm_set_irq_in_progress(self, source: Source) -> bool:
        """It is atomic."""
        return False
