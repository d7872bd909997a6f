from model.designs.base import Base
from model.machine import Cpu


class EveryVcpuScans(Base):
    """Linux before 7ee30bc132c6: a write to an entry sends an IPI to every vCPU, also to those that are isolated."""

    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None:
        self.kvm_make_scan_ioapic_request()


class OnlyTheNewScans(Base):
    """7ee30bc132c6 without its second half: the vCPU that the entry was for keeps its interception."""

    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None:
        self.kvm_make_request_scan_ioapic(self.apic[dest])
