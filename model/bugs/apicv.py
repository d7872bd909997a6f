"""VMX virtual interrupt delivery: posted interrupts (bug B5), and the vector that hardware believes in service (B8)."""

from __future__ import annotations

from model.features.apicv import PostedInterrupts, VirtualEoi
from model.lang import Patch
from model.machine import Cpu, Lapic


class MutantB5(PostedInterrupts):
    patch = Patch(
        title="B5: the scan does not see an interrupt that is still in PIR",
        date="2024", base="posted_interrupts", note="f3ced000a2df",
    )  # fmt: skip

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        apic.ioapic_handled_vectors.clear()
        apic.highest_stale_pending_ioapic_eoi = None
        if self.irqchip_split():
            self.kvm_scan_ioapic_routes(cpu, apic)
        elif self.ioapic_in_kernel():
            self.kvm_ioapic_scan_entry(cpu, apic)


class MutantB8(VirtualEoi):
    patch = Patch(
        title="B8: APICv is activated while an interrupt is in service, SVI is stale",
        author="fixed by Dongli Zhang", date="6.19", base="virtual_eoi", note="b2849bec936b",
    )  # fmt: skip

    def kvm_apic_update_apicv(self, apic: Lapic) -> None:
        """SVI stays what it was."""
