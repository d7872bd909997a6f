from model.designs.base import Base
from model.machine import Pin, Trigger


class MaskedPinIsSent(Base):
    """A level pin that is masked is sent all the same; its entry's mask is looked at for edges only."""

    def kvm_ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        if (rte.mask and rte.trigger == Trigger.EDGE) or (rte.trigger == Trigger.LEVEL and rte.remote_irr):
            return
        if rte.trigger == Trigger.LEVEL and (self.apic[rte.dest].spiv_enabled or not self.any_vcpu_created()):
            rte.remote_irr = True
        self.apic_accept_irq(self.apic[rte.dest], rte.vector, rte.trigger)
