"""31 October: two independent flags, one that disables the quirk and one that hides the feature."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import ApiFlags, Errno, Lapic, Trigger, Vector


class TwoFlags(Base):
    """What the mail, v2 and v3 each patch into the base alike."""

    api_flags = tuple(ApiFlags)
    suppress_eoi_broadcast_quirk_disabled: bool  # bit 2
    suppress_eoi_broadcast_disabled: bool  # bit 3

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = (
            apic.cpuid_x2apic and not self.ioapic_in_kernel() and not self.suppress_eoi_broadcast_disabled
        )

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            if self.suppress_eoi_broadcast_quirk_disabled and apic.spiv_directed_eoi:
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if bit2:
            self.suppress_eoi_broadcast_quirk_disabled = True
        if bit3:
            self.suppress_eoi_broadcast_disabled = True
        self.errno = Errno.OK

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        return True


class QuirkOct31(TwoFlags):
    patch = Patch(
        title="KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST_QUIRK and ..._DISABLE_SUPPRESS_EOI_BROADCAST (inline)",
        author="Sean Christopherson",
        date="2025-10-31",
        msgid="aQTxoX4lB_XtZM-w@google.com",
        base="base",
    )
    flag_names = {
        ApiFlags.BIT2: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST_QUIRK",
        ApiFlags.BIT3: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST",
    }
