from model.designs.base import Base


class Mine(Base):
    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool
        return False
