"""The first of the three patches of v5 (20251229111708.59402-2), alone."""

from model.designs.base import Base
from model.designs.v5 import V5
from model.machine import Lapic, Trigger, Vector


class V5First(Base):
    """The test of SPIV bit 12 moves from the loop over the pins to the place before it, and so before the ack notifiers."""

    kvm_ioapic_update_eoi_one = V5.kvm_ioapic_update_eoi_one

    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_update_eoi(apic, vector, trigger)
