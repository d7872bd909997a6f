from model.designs.base import Base
from model.machine import Pin


class ToldOnce(Base):
    """A line that is high already is not served again, level or edge: a pin that no LAPIC took when it rose waits for ever."""

    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        if not (level and self.ioapic[pin].irr):
            super().kvm_ioapic_set_irq(pin, level)
