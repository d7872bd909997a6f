from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_send_eoi(apic, vector)


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector in apic.tmr:
            super().kvm_ioapic_send_eoi(apic, vector)
