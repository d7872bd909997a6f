"""A patch that adds a field to each vCPU, as a C patch adds one to struct kvm_vcpu_arch: a note, set when an interrupt
is injected, and cleared by the EOI."""

from __future__ import annotations

from model.designs.base import Base
from model.lang import Table, always
from model.machine import Cpu, Lapic, Machine, Vector


class PvLapic(Lapic):
    """struct kvm_lapic, and what the patch adds to it."""

    pv_eoi: bool
    pv_vector: Vector | None


class PvEoi(Base):
    """The vector in service is noted in each vCPU, and whether its EOI is intercepted."""

    apic: Table[Cpu, PvLapic]

    def kvm_apic_ack_interrupt(self, apic: PvLapic, vector: Vector) -> None:  # type: ignore[override]
        super().kvm_apic_ack_interrupt(apic, vector)
        apic.pv_eoi = vector in apic.ioapic_handled_vectors
        apic.pv_vector = vector

    def apic_set_eoi(self, apic: PvLapic) -> None:  # type: ignore[override]
        if apic.pv_vector is not None:
            apic.pv_eoi = False
            apic.pv_vector = None
        super().apic_set_eoi(apic)


@always()
def noted_in_service(s: Machine, cpu: Cpu) -> bool:
    """The note speaks of what is in service. Violated: CPU{cpu} has a note of something else."""
    noted = s.apic[cpu].pv_vector  # type: ignore[attr-defined]
    return noted is None or noted in s.apic[cpu].isr


@always()
def none_is_noted(s: Machine, cpu: Cpu) -> bool:
    """There are no notes. Violated: CPU{cpu} has one."""
    return not s.apic[cpu].pv_eoi  # type: ignore[attr-defined]
