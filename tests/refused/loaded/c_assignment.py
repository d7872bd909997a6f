from model.designs.base import Base
from model.machine import Cpu, Lapic, Vector


class Mine(Base):
    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest = cpu:
            super().kvm_scan_ioapic_irq(cpu, apic, dest, vector)
