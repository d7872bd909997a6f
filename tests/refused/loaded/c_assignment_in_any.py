from model.designs.base import Base
from model.machine import Cpu, Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if any(other.in_guest = True for other in self.apic.values()):
            return
