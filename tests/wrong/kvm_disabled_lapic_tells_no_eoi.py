from model.designs.base import Base
from model.machine import Lapic, Vector


class DisabledIsMute(Base):
    """A LAPIC that is software-disabled broadcasts nothing."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_enabled:
            super().kvm_ioapic_send_eoi(apic, vector)
