"""arch/x86/kvm/x86.c: ioctls in any order (`errno` is what they return), requests at guest entry, interrupt injection.

Names with capitals are no functions of the C but cases: ioctl_X of kvm_arch_vm_ioctl() or kvm_vm_ioctl(), check_X of
kvm_vm_ioctl_check_extension(), enable_X of kvm_vm_ioctl_enable_cap().
"""

from __future__ import annotations

from typing import ClassVar

from model.lang import Fair, require, step
from model.machine import Cpu, Errno, IoapicVersion, IrqchipMode, Lapic, Machine, Pin, Trigger, Vector


class X86C(Machine):
    source: ClassVar[str] = "arch/x86/kvm/x86.c"
    lane: ClassVar[str] = "KVM"

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        """Asked on the system fd or the VM fd: is bit 2 (or bit 3) offered?"""
        return False

    def kvm_vcpu_ioctl_set_lapic(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_LAPIC of what KVM_GET_LAPIC returned, with these bits in SPIV."""
        self.errno = Errno.OK if self.lapic_in_kernel() else Errno.EINVAL
        if self.lapic_in_kernel():
            self.kvm_apic_set_state(apic, enabled, directed_eoi)

    def enable_KVM_CAP_SPLIT_IRQCHIP(self) -> None:
        """Simplified: all pins of the model are reserved for the userspace I/O APIC."""
        if self.irqchip_in_kernel() or self.any_vcpu_created():
            self.errno = Errno.EEXIST
        else:
            self.irqchip_mode = IrqchipMode.SPLIT
            self.errno = Errno.OK

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        """Before the feature only bits 0 and 1 are valid (they do not matter here)."""
        self.errno = Errno.EINVAL if bit2 or bit3 else Errno.OK

    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None:
        """It exists only in a proposal: an unknown capability."""
        self.errno = Errno.EINVAL

    def ioctl_KVM_CREATE_IRQCHIP(self) -> None:
        if self.irqchip_in_kernel():
            self.errno = Errno.EEXIST
        elif self.any_vcpu_created():
            self.errno = Errno.EINVAL
        else:
            self.irqchip_mode = IrqchipMode.KERNEL
            self.errno = Errno.OK

    def ioctl_KVM_SET_IRQCHIP2(self, version: IoapicVersion) -> None:
        """It exists only in a proposal: an unknown ioctl."""
        self.errno = Errno.ENOTTY

    def ioctl_KVM_SET_GSI_ROUTING(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        """One GSI (virt/kvm/kvm_main.c). Simplified: pins of an in-kernel I/O APIC keep their default routes."""
        self.errno = Errno.OK if self.irqchip_in_kernel() else Errno.EINVAL
        if self.irqchip_split():
            self.set_routing_entry(self.irq_routing[gsi], valid, vector, dest, trigger)
            self.kvm_set_irq_routing()

    def kvm_make_request_scan_ioapic(self, apic: Lapic) -> None:
        """kvm_make_request(KVM_REQ_SCAN_IOAPIC). A vCPU with a request is out of the guest: its own EOI write was
        intercepted, or the requester waits until it has left. It serves its requests before it enters again.
        """
        apic.req_scan_ioapic = True
        apic.in_guest = False

    def kvm_make_request_ioapic_eoi_exit(self, apic: Lapic) -> None:
        """kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT)."""
        apic.req_ioapic_eoi_exit = True
        apic.in_guest = False

    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None:
        for cpu, apic in self.apic.items():
            if cpu in (old_dest, dest):
                self.kvm_make_request_scan_ioapic(apic)

    def kvm_make_scan_ioapic_request(self) -> None:
        for apic in self.apic.values():
            self.kvm_make_request_scan_ioapic(apic)

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        apic.ioapic_handled_vectors.clear()
        apic.highest_stale_pending_ioapic_eoi = None
        if self.irqchip_split():
            self.kvm_scan_ioapic_routes(cpu, apic)
        elif self.ioapic_in_kernel():
            self.kvm_ioapic_scan_entry(cpu, apic)

    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        """KVM_RUN. The EOI exit is tested before the scan, so it still uses the bitmap of the last scan.

        Simplified: no APICv, so the bitmap that is scanned is the bitmap that intercepts.
        """
        apic = self.apic[cpu]
        require(apic.created and self.kvm_vcpu_has_run(cpu) and not apic.in_guest and apic.exit_ioapic_eoi is None)
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

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_check_and_inject_events(self, cpu: Cpu) -> None:
        """Its inject_irq. Simplified: the kick out of the guest and the injecting entry are one step."""
        apic = self.apic[cpu]
        require(apic.in_guest and self.guest_can_take_interrupt(cpu))
        vector = require(self.kvm_apic_has_interrupt(apic))
        self.kvm_apic_ack_interrupt(apic, vector)
        self.guest_interrupt(cpu, vector)

    def any_vcpu_created(self) -> bool:
        """kvm->created_vcpus."""
        return any(apic.created for apic in self.apic.values())

    def kvm_arch_vcpu_create(self, apic: Lapic) -> None:
        """KVM_CREATE_VCPU: a local APIC in the kernel if an irqchip was chosen before."""
        if apic.created:
            self.errno = Errno.EEXIST
            return
        apic.created = True
        self.errno = Errno.OK
        if self.lapic_in_kernel():
            self.kvm_lapic_reset(apic)

    def kvm_set_cpuid(self, cpu: Cpu, x2apic: bool) -> None:
        """KVM_SET_CPUID2 (cpuid.c). After the first KVM_RUN only what is set already is accepted; LVR stays as it is."""
        if not self.kvm_vcpu_has_run(cpu):
            self.kvm_vcpu_after_set_cpuid(self.apic[cpu], x2apic)
        else:
            self.errno = Errno.OK if x2apic == self.apic[cpu].cpuid_x2apic else Errno.EINVAL

    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:
        apic.cpuid_x2apic = x2apic
        self.errno = Errno.OK
        if self.lapic_in_kernel():
            self.kvm_apic_set_version(apic)
