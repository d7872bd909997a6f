from model.designs.v6 import V6
from model.machine import Lapic


class InitKeepsBit12(V6):
    """Reset disables the LAPIC by SPIV bit 8 and leaves the rest of SPIV to who enables it."""

    def kvm_lapic_reset(self, apic: Lapic) -> None:
        self.apic_set_spiv(apic, False, apic.spiv_directed_eoi)
        apic.irr.clear()
        apic.isr.clear()
        apic.tmr.clear()
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()
