"""KVM_CAP_X2APIC_API stores bit 2 before it looks whether there is a split irqchip."""

from model.designs.v6 import V6
from model.machine import SuppressEoi


class FlagsBeforeTheirTest(V6):
    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if bit2 and not bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
