from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    seen: Bool

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.seen = True
        super().kvm_ioapic_send_eoi(apic, vector)
