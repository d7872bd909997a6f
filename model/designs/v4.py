"""v4: ENABLE alone suppresses; both flags need a split irqchip."""

from model.designs.tristate_draft import TristateDraft
from model.lang import Patch
from model.machine import Errno, IrqchipMode, Lapic, SuppressEoi


class V4(TristateDraft):
    patch = Patch(
        title="KVM: x86: Add x2APIC features to control EOI broadcast suppression (v4)",
        author="Khushit Shah",
        date="2025-12-11",
        msgid="20251211110024.1409489-1-khushit.shah@nutanix.com",
        base="base",
    )

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return apic.spiv_directed_eoi and self.suppress_eoi_broadcast_mode == SuppressEoi.ENABLED

    def kvm_enable_cap_x2apic_api(self, bit2: bool, bit3: bool) -> None:
        if (bit2 and bit3) or ((bit2 or bit3) and self.irqchip_mode != IrqchipMode.SPLIT):
            self.errno = Errno.EINVAL
            return
        if bit2:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        if bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.DISABLED
        self.errno = Errno.OK
