"""arch/x86/kvm/x86.c: requests at guest entry, exits, interrupt injection."""

from __future__ import annotations

from typing import ClassVar

from model.kvm.irq import IrqC
from model.lang import Fair, require, step
from model.machine import Cpu, Lapic


class X86C(IrqC):
    source: ClassVar[str] = "arch/x86/kvm/x86.c"

    def initial(self) -> None:
        """KVM_CREATE_VCPU and KVM_SET_CPUID2 have run: the version register is set up."""
        super().initial()
        for apic in self.apic.values():
            self.kvm_apic_set_version(apic)

    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        """KVM_RUN. The EOI exit is tested before the scan, so it still uses the bitmap of the last scan.

        Simplified: no APICv, so the bitmap that is scanned is the bitmap that intercepts.
        """
        apic = self.apic[cpu]
        require(not apic.in_guest and apic.exit_ioapic_eoi is None)
        if apic.req_ioapic_eoi_exit:
            apic.req_ioapic_eoi_exit = False
            vector = apic.pending_ioapic_eoi
            apic.pending_ioapic_eoi = None  # Simplified: the slot means nothing once its request is gone
            if vector is not None and vector in apic.ioapic_handled_vectors:
                apic.exit_ioapic_eoi = vector
                return
        if apic.req_scan_ioapic:
            apic.req_scan_ioapic = False
            self.vcpu_scan_ioapic(cpu, apic)
        apic.in_guest = True

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        apic.ioapic_handled_vectors.clear()
        apic.highest_stale_pending_ioapic_eoi = None
        self.kvm_scan_ioapic_routes(cpu, apic)

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_inject_irq(self, cpu: Cpu) -> None:
        """kvm_check_and_inject_events(): the LAPIC's interrupt is acknowledged and the guest vectors to it.

        Simplified: the kick out of guest mode and the entry that injects are one step.
        """
        apic = self.apic[cpu]
        require(apic.in_guest and self.guest_can_take_interrupt(cpu))
        vector = require(self.kvm_apic_has_interrupt(apic))
        self.kvm_apic_ack_interrupt(apic, vector)
        self.guest_interrupt(cpu, vector)
