"""Sean Christopherson's local rewrite of v1: comment and changelog only, the code is v1's."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import Lapic, Trigger, Vector


class SeanLocal(Base):
    patch = Patch(
        title="KVM: x86: Suppress EOI broadcasts with split IRQCHIP if Directed EOI is enabled",
        author="Khushit Shah, rewritten by Sean Christopherson",
        date="2025-09-22",
        msgid="aNHE0U3qxEOniXqO@google.com",
        base="base",
        note="equivalent to v1: same code, other words",
    )

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            # Whoever has suppressed broadcasts EOIs the I/O APICs directly, however many userspace has.
            if apic.spiv_directed_eoi:
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
