"""arch/x86/kvm/lapic.c: the local APIC that KVM emulates. Linux before the feature (6.17), in the order of the file."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Lapic, Machine, Trigger, Vector


class LapicC(Machine):
    source: ClassVar[str] = "arch/x86/kvm/lapic.c"
    lane: ClassVar[str] = "KVM"

    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        return vector in apic.isr or vector in apic.irr

    def apic_set_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """The map of enabled LAPICs is made anew if this one comes or goes, and whoever makes it asks for a scan."""
        apic.spiv_directed_eoi = directed_eoi
        if apic.spiv_enabled != enabled:
            apic.spiv_enabled = enabled
            self.kvm_make_scan_ioapic_request()  # kvm_recalculate_apic_map()

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        """LVR bit 24 for every guest with x2APIC in CPUID, unless the I/O APIC is in the kernel (0bcc3fb95b97): it has no
        EOI register, and Windows with the Hyper-V role suppresses broadcasts without a look at the I/O APIC's version,
        so its level interrupts would never be EOIed. Recomputed only on reset, KVM_SET_CPUID2 and KVM_SET_LAPIC.
        """
        apic.lvr_directed_eoi = apic.cpuid_x2apic and not self.ioapic_in_kernel()

    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """__apic_accept_irq(): a software-disabled LAPIC drops the message; TMR is written on acceptance."""
        if not apic.spiv_enabled:
            return
        if trigger == Trigger.LEVEL:
            apic.tmr.add(vector)
        else:
            apic.tmr.discard(vector)
        apic.irr.add(vector)

    def kvm_ioapic_handles_vector(self, apic: Lapic, vector: Vector) -> bool:
        """An I/O APIC waits for EOIs of this vector. The others end here, without anybody being told."""
        return vector in apic.ioapic_handled_vectors

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        """The EOI is broadcast. With a split irqchip that is an exit to userspace, whatever SPIV bit 12 says."""
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        # Intercepted only for an interrupt that was on its way when its route moved: from now on it need not be.
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    def apic_set_eoi(self, apic: Lapic) -> None:
        """The EOI register: ends the highest vector in service. Without one nothing happens, as in hardware."""
        vector = apic.isr.highest()
        if vector is None:
            return
        apic.isr.discard(vector)
        self.kvm_ioapic_send_eoi(apic, vector)

    def kvm_lapic_reg_write_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """kvm_lapic_reg_write() case APIC_SPIV: bit 12 can be set only while LVR bit 24 offers it."""
        if self.lapic_in_kernel():  # else the access goes to userspace
            self.apic_set_spiv(apic, enabled, directed_eoi and apic.lvr_directed_eoi)

    def kvm_lapic_reset(self, apic: Lapic) -> None:
        """RESET and INIT."""
        self.apic_set_spiv(apic, False, False)
        apic.irr.clear()
        apic.isr.clear()
        apic.tmr.clear()
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()

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

    def kvm_apic_set_state(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_LAPIC: SPIV is stored as given, bit 12 even if LVR does not offer it; LVR is KVM's own. The rest stays."""
        self.apic_set_spiv(apic, enabled, directed_eoi)
        self.kvm_apic_set_version(apic)
        self.kvm_make_scan_ioapic_request()
