from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return True
