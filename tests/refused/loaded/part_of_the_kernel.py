from model.kvm.irq import IrqC
from model.machine import Cpu, Lapic, Vector


class Mine(IrqC):
    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest == cpu:
            super().kvm_scan_ioapic_irq(cpu, apic, dest, vector)
