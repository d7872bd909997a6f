from model.designs.base import Base
from model.machine import Lapic, Trigger, Vector


class CoalesceEarly(Base):
    """Optimisation: a vector that is pending already is coalesced before TMR is touched."""

    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if vector in apic.irr:
            return
        super().apic_accept_irq(apic, vector, trigger)
