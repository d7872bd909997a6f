from model.designs.v6 import V6
from model.machine import Lapic, SuppressEoi


class LooksAtCpu0(V6):
    """The bit is read where it was cached: vCPU 0's counts for all."""

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return self.apic[0].spiv_directed_eoi and self.suppress_eoi_broadcast_mode == SuppressEoi.ENABLED
