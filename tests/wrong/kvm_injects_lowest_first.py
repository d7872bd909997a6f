from model.designs.base import Base
from model.machine import Lapic, Vector


class LowestFirst(Base):
    """IRR is searched from its first bit."""

    def kvm_apic_has_interrupt(self, apic: Lapic) -> Vector | None:
        pending = apic.irr.lowest()
        in_service = apic.isr.highest()
        if pending is None or in_service is None:
            return pending
        return pending if pending > in_service else None
