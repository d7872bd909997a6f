"""Devices: a line that is held until the driver services the device, and edges."""

from __future__ import annotations

from typing import ClassVar

from model.lang import Fair, require, step
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
    """A level line on pin 0, edges on the others. By default with the VMMs that treat edges in a way of their own."""

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("qemu", "openvmm", "firecracker", "crosvm"),
        "guest": ("linux",),
    }

    def device_trigger(self, pin: Pin) -> Trigger:
        return Trigger.LEVEL if pin == 0 else Trigger.EDGE
