from model.designs.base import Base
from model.kvm.ioapic import IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT
from model.machine import Pin


class CountsMasked(Base):
    """The throttle counts the EOI of a masked pin, too, though nothing is sent: a driver that masks in its handler is throttled."""

    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if not rte.irr:
            rte.irq_eoi = 0
        elif rte.irq_eoi + 1 == IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT:
            rte.irq_eoi = 0
            self.delayed_ioapic_service = True
        else:
            self.count_eoi(rte)
            self.kvm_ioapic_service(pin)
