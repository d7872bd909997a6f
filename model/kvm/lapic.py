"""arch/x86/kvm/lapic.c: the local APIC that KVM emulates. Linux before the feature (6.17)."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from model.machine import IrqchipMode, Lapic, Machine, Trigger, Vector


class LapicC(Machine):
    source: ClassVar[str] = "arch/x86/kvm/lapic.c"
    lane: ClassVar[str] = "KVM"

    def ioapic_in_kernel(self) -> bool:
        return self.irqchip_mode == IrqchipMode.KERNEL

    def lapic_in_kernel(self) -> bool:
        """A vCPU's LAPIC is made with it: once one exists without an irqchip, no irqchip can be chosen any more."""
        return self.irqchip_mode != IrqchipMode.NONE

    def any_vcpu_created(self) -> bool:
        return any(apic.created for apic in self.apic.values())

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        """LVR bit 24 for every guest with x2APIC in CPUID, unless the I/O APIC is in the kernel (0bcc3fb95b97).

        Recomputed only on reset, KVM_SET_CPUID2 and KVM_SET_LAPIC.
        """
        apic.lvr_directed_eoi = apic.cpuid_x2apic and not self.ioapic_in_kernel()

    def kvm_lapic_reset(self, apic: Lapic) -> None:
        """RESET and INIT."""
        apic.spiv_enabled = False
        apic.spiv_directed_eoi = False
        apic.irr.clear()
        apic.isr.clear()
        apic.tmr.clear()
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()

    def kvm_apic_set_state(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_LAPIC: SPIV is stored as given, bit 12 too; LVR is KVM's own. IRR, ISR and TMR stay."""
        apic.spiv_enabled = enabled
        apic.spiv_directed_eoi = directed_eoi
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()

    def kvm_lapic_reg_write_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """kvm_lapic_reg_write() case APIC_SPIV: bit 12 can be set only while LVR bit 24 offers it."""
        if not self.lapic_in_kernel():
            return  # the access goes to userspace
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
        if self.irqchip_mode == IrqchipMode.SPLIT:
            apic.pending_ioapic_eoi = vector
            apic.req_ioapic_eoi_exit = True
            apic.in_guest = False  # the EOI write was intercepted; requests are served before the guest goes on
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    @abstractmethod
    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """The in-kernel I/O APIC hears the EOI (ioapic.py)."""
