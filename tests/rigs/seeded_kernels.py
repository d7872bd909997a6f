"""Kernels that differ from Linux before the feature in one thing each: in what somebody can see, or in what nobody sees."""

from __future__ import annotations

from model.kvm import Kvm
from model.machine import Errno, Lapic, Trigger, Vector


class OtherErrno(Kvm):
    def kvm_vm_ioctl_get_irqchip(self) -> None:
        self.errno = Errno.OK if self.ioapic_in_kernel() else Errno.EINVAL


class OtherLvr(Kvm):
    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic


class OtherTmr(Kvm):
    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if apic.spiv_enabled:
            apic.irr.add(vector)


class OtherInside(Kvm):
    """Differs in what nobody sees: one scan more."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        super().kvm_ioapic_send_eoi(apic, vector)
        apic.req_scan_ioapic = True
        apic.in_guest = False
