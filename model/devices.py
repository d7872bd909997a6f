"""Devices: a line that is held until the driver services the device, and edges."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.lang import Fair, Label, Table, require, step
from model.machine import Machine, Pin, Trigger


class Device(Machine):
    """One device on every pin."""

    called = None
    lane: ClassVar[str] = "device"

    @step(by="device", fair=Fair.FINITE)
    def device_raise(self, pin: Pin) -> None:
        """The device wants service. Every run sees finitely many of these, as many as it likes."""
        require(not self.raised[pin] and self.guest_uses_device(pin))
        self.raised[pin] = True
        self.ioapic_set_irq(pin, True)
        if self.device_trigger(pin) == Trigger.EDGE:
            self.ioapic_set_irq(pin, False)

    def device_resample(self, pin: Pin) -> None:
        """Only a device behind a resampling irqfd listens."""

    def device_service(self, pin: Pin) -> None:
        """A level device drops its line; for an edge device the event is consumed."""
        if self.raised[pin]:
            self.raised[pin] = False
            if self.device_trigger(pin) == Trigger.LEVEL:
                self.ioapic_set_irq(pin, False)


class Level(Device):
    """Level lines on all pins, each held until its device is serviced."""

    def device_trigger(self, pin: Pin) -> Trigger:
        return Trigger.LEVEL


class Edge(Device):
    """Edge-triggered devices on all pins."""

    def device_trigger(self, pin: Pin) -> Trigger:
        return Trigger.EDGE


class Mixed(Device):
    """A level line on pin 0, edges on the others."""

    def device_trigger(self, pin: Pin) -> Trigger:
        return Trigger.LEVEL if pin == 0 else Trigger.EDGE


class Resample(Level):
    """Level lines behind resampling irqfds, as VFIO's INTx: a userspace I/O APIC does not see them (fact Q19).

    The owner signals once, and again only after it was told of an EOI and if its line is still high.
    Assumed: it answers at once.
    Simplified: with other VMMs (an in-kernel chip has resamplers, too) it never raises.
    """

    passes_ioapic_by: ClassVar[bool] = True
    signalled: Annotated[Table[Pin, bool], Label("irqfd {0} signalled")]

    def device_raise(self, pin: Pin) -> None:
        require(not self.raised[pin] and self.guest_uses_device(pin) and self.has_resamplefds())
        self.raised[pin] = True
        if not self.signalled[pin]:
            self.signal_irqfd(pin)

    def signal_irqfd(self, pin: Pin) -> None:
        """The message goes where KVM's route says, past the I/O APIC's mask and Remote IRR."""
        self.signalled[pin] = True
        self.kvm_set_irq(pin, True)

    def device_resample(self, pin: Pin) -> None:
        """The resamplefd: unmask the device; what is still pending is signalled again."""
        self.signalled[pin] = False
        if self.raised[pin]:
            self.signal_irqfd(pin)

    def device_service(self, pin: Pin) -> None:
        """Only the owner knows that the line fell."""
        self.raised[pin] = False
