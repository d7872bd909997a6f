"""2 December: ENABLE and DISABLE flags over an internal tri-state. With what v4 and v5 have in common with it."""

from abc import abstractmethod

from model.designs.base import Base
from model.lang import Patch
from model.machine import ApiFlags, Errno, Lapic, SuppressEoi, Trigger, Vector


class Tristate(Base):
    """What the draft and v4 patch into the base alike, and v5 in part. v6.py, which was merged, has the arguments."""

    api_flags = tuple(ApiFlags)
    flag_names = {
        ApiFlags.BIT2: "KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST",
        ApiFlags.BIT3: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST",
    }
    suppress_eoi_broadcast_mode: SuppressEoi

    def kvm_lapic_advertise_suppress_eoi_broadcast(self) -> bool:
        return not self.ioapic_in_kernel() and self.suppress_eoi_broadcast_mode != SuppressEoi.DISABLED

    @abstractmethod
    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool: ...

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic and self.kvm_lapic_advertise_suppress_eoi_broadcast()

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            if self.kvm_lapic_suppress_eoi_broadcast(apic):
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        return True

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if bit2 and bit3:
            self.errno = Errno.EINVAL
            return
        if bit2:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        if bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.DISABLED
        self.errno = Errno.OK


class TristateDraft(Tristate):
    patch = Patch(
        title="KVM_X2APIC_{ENABLE,DISABLE}_SUPPRESS_EOI_BROADCAST over a tri-state (inline)",
        author="Sean Christopherson",
        date="2025-12-02",
        msgid="aS8Vhb66UViQmY_Q@google.com",
        base="base",
    )

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return apic.spiv_directed_eoi and self.suppress_eoi_broadcast_mode != SuppressEoi.QUIRKED
