from model.designs.base import Base
from model.machine import Pin, Trigger


class RirrAlways(Base):
    """Remote IRR is set even if the LAPIC refused the message."""

    def kvm_ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        closed = rte.trigger == Trigger.LEVEL and not rte.mask
        super().kvm_ioapic_service(pin)
        if closed:
            rte.remote_irr = True
