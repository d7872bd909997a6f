from checker.matrix.capability import MOST_TIMES
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if MOST_TIMES == 4:
            super().kvm_ioapic_send_eoi(apic, vector)
