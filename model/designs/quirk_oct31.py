"""31 October: two independent flags, one that disables the quirk and one that hides the feature."""

from collections.abc import Mapping
from typing import ClassVar

from model.designs.base import Base
from model.lang import Patch
from model.machine import ApiFlags, Errno, IrqchipMode, Lapic, Trigger, Vector


class QuirkOct31(Base):
    patch = Patch(
        title="KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST_QUIRK and ..._DISABLE_SUPPRESS_EOI_BROADCAST (inline)",
        author="Sean Christopherson",
        date="2025-10-31",
        msgid="aQTxoX4lB_XtZM-w@google.com",
        base="base",
    )
    api_flags: ClassVar[tuple[ApiFlags, ...]] = tuple(ApiFlags)
    flag_names: ClassVar[Mapping[ApiFlags, str]] = {
        ApiFlags.BIT2: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST_QUIRK",
        ApiFlags.BIT3: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST",
    }
    suppress_eoi_broadcast_quirk_disabled: bool  # bit 2
    suppress_eoi_broadcast_disabled: bool  # bit 3

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = (
            apic.cpuid_x2apic and not self.ioapic_in_kernel() and not self.suppress_eoi_broadcast_disabled
        )

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector not in apic.ioapic_handled_vectors:
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            apic.req_scan_ioapic = True
            apic.in_guest = False
        if self.irqchip_mode == IrqchipMode.SPLIT:
            if self.suppress_eoi_broadcast_quirk_disabled and apic.spiv_directed_eoi:
                return
            apic.pending_ioapic_eoi = vector
            apic.req_ioapic_eoi_exit = True
            apic.in_guest = False
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    def kvm_enable_cap_x2apic_api(self, bit2: bool, bit3: bool) -> None:
        if bit2:
            self.suppress_eoi_broadcast_quirk_disabled = True
        if bit3:
            self.suppress_eoi_broadcast_disabled = True
        self.errno = Errno.OK

    def kvm_check_extension_x2apic_api(self, vm_fd: bool, bit3: bool) -> bool:
        return True
