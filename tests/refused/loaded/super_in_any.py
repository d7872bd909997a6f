from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        return any(super().kvm_apic_pending_eoi(other, vector) for other in self.apic.values())
