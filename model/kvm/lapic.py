"""arch/x86/kvm/lapic.c: the local APIC that KVM emulates. Linux before the feature (6.17)."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from model.machine import Lapic, Machine, Trigger, Vector


class LapicC(Machine):
    source: ClassVar[str] = "arch/x86/kvm/lapic.c"
    lane: ClassVar[str] = "KVM"

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        """Split irqchip: the feature is offered to every guest that has x2APIC in CPUID."""
        apic.lvr_directed_eoi = self.scope.x2apic

    def kvm_lapic_reg_write_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """kvm_lapic_reg_write() case APIC_SPIV: bit 12 can be set only while LVR bit 24 offers it."""
        apic.spiv_directed_eoi = directed_eoi and apic.lvr_directed_eoi
        if apic.spiv_enabled != enabled:
            apic.spiv_enabled = enabled
            self.kvm_make_scan_ioapic_request()  # apic_set_spiv() -> kvm_recalculate_apic_map()

    @abstractmethod
    def kvm_make_scan_ioapic_request(self) -> None:
        """KVM_REQ_SCAN_IOAPIC for all vCPUs (irq.py)."""

    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """__apic_accept_irq(): a software-disabled LAPIC drops the message; TMR is written on acceptance."""
        if not apic.spiv_enabled:
            return
        if trigger == Trigger.LEVEL:
            apic.tmr.add(vector)
        else:
            apic.tmr.discard(vector)
        apic.irr.add(vector)

    def kvm_apic_has_interrupt(self, apic: Lapic) -> Vector | None:
        """apic_has_interrupt_for_ppr(): the highest pending vector, if nothing in service outranks it.

        kvm_apic_present() asks for the hardware enable only: what was pending when SPIV bit 8 was cleared is delivered.
        """
        pending = apic.irr.highest()
        in_service = apic.isr.highest()
        if pending is None or in_service is None:
            return pending
        return pending if pending > in_service else None

    def kvm_apic_ack_interrupt(self, apic: Lapic, vector: Vector) -> None:
        apic.irr.discard(vector)
        apic.isr.add(vector)

    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        return vector in apic.irr or vector in apic.isr

    def apic_set_eoi(self, apic: Lapic) -> None:
        """The EOI register: ends the highest vector in service; without one, nothing happens."""
        vector = apic.isr.highest()
        if vector is None:
            return
        apic.isr.discard(vector)
        self.kvm_ioapic_send_eoi(apic, vector)

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        """Split irqchip: ask for an exit to userspace, whatever SPIV bit 12 says."""
        if vector not in apic.ioapic_handled_vectors:
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            apic.req_scan_ioapic = True
            apic.in_guest = False
        apic.pending_ioapic_eoi = vector
        apic.req_ioapic_eoi_exit = True
        apic.in_guest = False  # the EOI write was intercepted; requests are served before the guest goes on
