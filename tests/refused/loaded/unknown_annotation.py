from model.designs.base import Base
from model.machine import Vector


class Mine(Base):
    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        return vector in apic.irr
