from model.designs.base import Base
from model.kvm.ioapic import IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT
from model.machine import Pin


class CountsAll(Base):
    """The throttle counts every EOI that finds the line high, in a row or not."""

    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if rte.mask or not rte.irr:
            return
        if rte.irq_eoi + 1 == IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT:
            rte.irq_eoi = 0
            self.delayed_ioapic_service = True
        else:
            self.count_eoi(rte)
            self.kvm_ioapic_service(pin)
