from model.designs.base import Base
from model.machine import Cpu


class TestsScan(Base):
    """kvm_test_request() where kvm_check_request() was: the vCPU scans, and the request stays."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        asked = apic.req_scan_ioapic
        super().vcpu_enter_guest(cpu)
        apic.req_scan_ioapic = asked


class TestsExit(Base):
    """The same of the EOI exit. Its slot is empty when the vCPU comes by again, so nothing is told twice."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        asked = apic.req_ioapic_eoi_exit
        super().vcpu_enter_guest(cpu)
        apic.req_ioapic_eoi_exit = asked
