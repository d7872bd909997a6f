from model.designs.base import Base
from model.machine import Cpu, Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        set_bit(vector, apic.irr)
