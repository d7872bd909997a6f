"""The in-kernel I/O APIC's scan: which EOIs KVM intercepts when an entry moves to another CPU (bugs B2 and B3)."""

from __future__ import annotations

from model.features.rtc import RtcTracking
from model.lang import Patch
from model.machine import Cpu, Lapic, Trigger


class MutantB3(RtcTracking):
    patch = Patch(
        title="B3: a level EOI is lost when its entry moves to another CPU in service",
        author="fixed by Nikita Leshenko", date="2017/18", base="rtc_tracking", note="0fc5a36dd6b3",
    )  # fmt: skip

    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        for rte in self.ioapic.values():
            if rte.dest == cpu or (rte.trigger == Trigger.EDGE and self.kvm_apic_pending_eoi(apic, rte.vector)):
                apic.ioapic_handled_vectors.add(rte.vector)


class MutantB2(MutantB3):
    patch = Patch(
        title="B2: an edge EOI is lost when its entry moves to another CPU in service",
        date="4.4 (U)", base="mutant_b3", note="db2bdcbbbd32",
    )  # fmt: skip

    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        for rte in self.ioapic.values():
            if rte.dest == cpu:
                apic.ioapic_handled_vectors.add(rte.vector)
