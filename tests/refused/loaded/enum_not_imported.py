from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.irqchip_mode == IrqchipMode.SPLIT:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
    def kvm_apic_set_version(self, apic: Lapic) -> None:
        if self.irqchip_mode == IrqchipMode.SPLIT:
            return
