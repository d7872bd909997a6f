"""The first patch: obey SPIV bit 12, always."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import Lapic, Trigger, Vector


class V1(Base):
    patch = Patch(
        title="KVM: x86: skip userspace IOAPIC EOI exit when Directed EOI is enabled",
        author="Khushit Shah, posted by Jon Kohler",
        date="2025-09-18",
        msgid="20250918162529.640943-1-jon@nutanix.com",
        base="base",
    )

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            if apic.spiv_directed_eoi:  # the guest EOIs the I/O APIC itself, as it does with an in-kernel one
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
