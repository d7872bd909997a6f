from model.designs.base import Base
from model.machine import Lapic, Trigger, Vector


class EveryEoiRescans(Base):
    """Which vector is stale need not be known if each intercepted EOI brings a scan: right, and a scan for every interrupt."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
