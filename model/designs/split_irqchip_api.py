"""3 October: a capability by which a VMM without an EOI register stops the feature from being offered."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import ApiFlags, Errno, Lapic


class SplitIrqchipApi(Base):
    patch = Patch(
        title="KVM_CAP_SPLIT_IRQCHIP_API with DISABLE_EOI_BROADCAST_SUPPRESSION (inline diff)",
        author="Khushit Shah",
        date="2025-10-03",
        note="in reply to 20250918162529.640943-1-jon@nutanix.com (mails.md S2)",
        base="base",
    )
    api_flags = (ApiFlags.NONE, ApiFlags.BIT3)
    flag_names = {ApiFlags.BIT3: "DISABLE_EOI_BROADCAST_SUPPRESSION (KVM_CAP_SPLIT_IRQCHIP_API)"}
    disable_eoi_broadcast_suppression_support: bool

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = (
            apic.cpuid_x2apic and not self.ioapic_in_kernel() and not self.disable_eoi_broadcast_suppression_support
        )

    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None:
        if not self.irqchip_split():
            self.errno = Errno.ENXIO
        elif self.any_vcpu_created():
            self.errno = Errno.EINVAL
        else:
            self.disable_eoi_broadcast_suppression_support = disable_suppression
            self.errno = Errno.OK
