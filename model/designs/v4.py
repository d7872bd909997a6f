"""v4: ENABLE alone suppresses; both flags need a split irqchip."""

from model.designs.tristate_draft import Tristate
from model.lang import Patch
from model.machine import Errno, Lapic, SuppressEoi


class V4(Tristate):
    patch = Patch(
        title="KVM: x86: Add x2APIC features to control EOI broadcast suppression (v4)",
        author="Khushit Shah",
        date="2025-12-11",
        msgid="20251211110024.1409489-1-khushit.shah@nutanix.com",
        base="base",
    )

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return apic.spiv_directed_eoi and self.suppress_eoi_broadcast_mode == SuppressEoi.ENABLED

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if (bit2 or bit3) and not self.irqchip_split():
            self.errno = Errno.EINVAL
            return
        super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
