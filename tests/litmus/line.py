"""A test device, as kvm-unit-tests have one: its lines go up and down as the story says, also up twice."""

from model.devices import Level
from model.lang import step
from model.machine import Pin


class Line(Level):
    def device_raise(self, pin: Pin) -> None:
        self.raised[pin] = True
        self.ioapic_set_irq(pin, True)

    @step(by="device")
    def device_lower(self, pin: Pin) -> None:
        self.raised[pin] = False
        self.ioapic_set_irq(pin, False)
