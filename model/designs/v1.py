"""The first patch: obey SPIV bit 12, always."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import IrqchipMode, Lapic, Trigger, Vector


class V1(Base):
    patch = Patch(
        title="KVM: x86: skip userspace IOAPIC EOI exit when Directed EOI is enabled",
        author="Khushit Shah, posted by Jon Kohler",
        date="2025-09-18",
        msgid="20250918162529.640943-1-jon@nutanix.com",
        base="base",
    )

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector not in apic.ioapic_handled_vectors:
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            apic.req_scan_ioapic = True
            apic.in_guest = False
        if self.irqchip_mode == IrqchipMode.SPLIT:
            if apic.spiv_directed_eoi:
                return
            apic.pending_ioapic_eoi = vector
            apic.req_ioapic_eoi_exit = True
            apic.in_guest = False
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
