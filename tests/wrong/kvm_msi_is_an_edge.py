from model.designs.base import Base
from model.machine import Pin, Trigger


class MsiIsEdge(Base):
    """Cleanup: an MSI is an edge, so what its route says of the trigger mode need not be looked at."""

    def kvm_set_msi(self, gsi: Pin, level: bool) -> None:
        route = self.irq_routing[gsi]
        if level and route.valid:
            self.apic_accept_irq(self.apic[route.dest], route.vector, Trigger.EDGE)
