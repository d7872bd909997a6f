from model.designs.base import Base
from model.machine import Lapic, Vector

OBEYS = True


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not (OBEYS and apic.spiv_directed_eoi):
            super().kvm_ioapic_send_eoi(apic, vector)


OBEYS = False
