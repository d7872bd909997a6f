from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        self.kvm_ioapic_send_eoi(apic, vector)
