from model.designs.base import Base
from model.machine import Lapic


class InitKeepsIrr(Base):
    """What is pending is left for whoever comes by the SIPI."""

    def kvm_lapic_reset(self, apic: Lapic) -> None:
        self.apic_set_spiv(apic, False, False)
        apic.isr.clear()
        apic.tmr.clear()
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()
