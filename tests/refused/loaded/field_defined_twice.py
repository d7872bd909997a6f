from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    sent: bool = False
    sent: bool = True

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.sent = not self.sent
        super().kvm_ioapic_send_eoi(apic, vector)
