from model.designs.base import Base
from model.machine import Cpu


class ToldTwice(Base):
    """The request is left pending when its exit is reported."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        vector = apic.pending_ioapic_eoi
        asked = apic.req_ioapic_eoi_exit
        again = apic.req_scan_ioapic
        super().vcpu_enter_guest(cpu)
        if asked and again and apic.exit_ioapic_eoi is not None:
            apic.req_ioapic_eoi_exit = True
            apic.pending_ioapic_eoi = vector
