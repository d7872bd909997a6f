from model.designs.base import Base
from model.machine import Cpu, Lapic, Vector


class LastWins(Base):
    """The stale vector is that of the last pin."""

    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest == cpu:
            apic.ioapic_handled_vectors.add(vector)
        elif self.kvm_apic_pending_eoi(apic, vector):
            apic.ioapic_handled_vectors.add(vector)
            apic.highest_stale_pending_ioapic_eoi = vector
