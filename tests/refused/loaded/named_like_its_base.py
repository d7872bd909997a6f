from model.designs import base
from model.machine import Lapic, Vector


class Base(base.Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_send_eoi(apic, vector)


class Better(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector in apic.tmr:
            super().kvm_ioapic_send_eoi(apic, vector)
