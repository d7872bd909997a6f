"""arch/x86/kvm/x86.c: capabilities, vCPU creation, requests at guest entry, exits, interrupt injection."""

from __future__ import annotations

from typing import ClassVar

from model.kvm.ioapic import IoapicC
from model.lang import Fair, require, step
from model.machine import Cpu, Errno, IoapicVersion, IrqchipMode, Lapic, Pin, Trigger, Vector


class X86C(IoapicC):
    source: ClassVar[str] = "arch/x86/kvm/x86.c"

    # --- set-up: what userspace asks for, in any order; `errno` is what the ioctl returns ---

    def kvm_arch_vm_ioctl_create_irqchip(self) -> None:
        """KVM_CREATE_IRQCHIP."""
        if self.irqchip_mode != IrqchipMode.NONE:
            self.errno = Errno.EEXIST
        elif self.any_vcpu_created():
            self.errno = Errno.EINVAL
        else:
            self.irqchip_mode = IrqchipMode.KERNEL
            self.errno = Errno.OK

    def kvm_enable_cap_split_irqchip(self) -> None:
        """KVM_CAP_SPLIT_IRQCHIP. Simplified: all pins of the model are reserved for the userspace I/O APIC."""
        if self.irqchip_mode != IrqchipMode.NONE or self.any_vcpu_created():
            self.errno = Errno.EEXIST
        else:
            self.irqchip_mode = IrqchipMode.SPLIT
            self.errno = Errno.OK

    def kvm_enable_cap_x2apic_api(self, bit2: bool, bit3: bool) -> None:
        """KVM_CAP_X2APIC_API. Before the feature only bits 0 and 1 are valid (they do not matter here)."""
        self.errno = Errno.EINVAL if bit2 or bit3 else Errno.OK

    def kvm_check_extension_x2apic_api(self, vm_fd: bool, bit3: bool) -> bool:
        """KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) on the system fd or the VM fd: is bit 2 (or bit 3) offered?"""
        return False

    def kvm_enable_cap_split_irqchip_api(self, disable_suppression: bool) -> None:
        """KVM_CAP_SPLIT_IRQCHIP_API exists only in a proposal: an unknown capability."""
        self.errno = Errno.EINVAL

    def kvm_vm_ioctl_set_irqchip2(self, version: IoapicVersion) -> None:
        """KVM_SET_IRQCHIP2 exists only in a proposal: an unknown ioctl."""
        self.errno = Errno.ENOTTY

    def kvm_vm_ioctl_get_irqchip(self) -> None:
        """KVM_GET_IRQCHIP and KVM_SET_IRQCHIP (then kvm_set_ioapic()): only for an I/O APIC in the kernel."""
        self.errno = Errno.OK if self.ioapic_in_kernel() else Errno.ENXIO

    def kvm_vm_ioctl_irq_line(self, gsi: Pin, level: bool) -> None:
        """KVM_IRQ_LINE: a line of the in-kernel I/O APIC; with a split irqchip level 1 sends a message, 0 nothing."""
        self.errno = Errno.OK if self.lapic_in_kernel() else Errno.ENXIO
        if self.ioapic_in_kernel():
            self.kvm_ioapic_set_irq(gsi, level)
        elif level and self.lapic_in_kernel():
            self.kvm_set_irq(gsi)

    def kvm_vm_ioctl_set_gsi_routing(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        """KVM_SET_GSI_ROUTING of one GSI. Simplified: pins of an in-kernel I/O APIC keep their default routes."""
        self.errno = Errno.OK if self.lapic_in_kernel() else Errno.EINVAL
        if self.irqchip_mode == IrqchipMode.SPLIT:
            route = self.irq_routing[gsi]
            route.valid = valid
            route.vector = vector
            route.dest = dest
            route.trigger = trigger
            self.kvm_set_irq_routing()

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
        """KVM_SET_CPUID2. After the first KVM_RUN only what is set already is accepted, and LVR stays as it is."""
        if not self.kvm_vcpu_has_run(cpu):
            self.kvm_vcpu_after_set_cpuid(self.apic[cpu], x2apic)
        else:
            self.errno = Errno.OK if x2apic == self.apic[cpu].cpuid_x2apic else Errno.EINVAL

    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:
        apic.cpuid_x2apic = x2apic
        self.errno = Errno.OK
        if self.lapic_in_kernel():
            self.kvm_apic_set_version(apic)

    def kvm_vcpu_ioctl_set_lapic(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_LAPIC of what KVM_GET_LAPIC returned, with these bits in SPIV."""
        self.errno = Errno.OK if self.lapic_in_kernel() else Errno.EINVAL
        if self.lapic_in_kernel():
            self.kvm_apic_set_state(apic, enabled, directed_eoi)

    # --- run time ---

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

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        apic.ioapic_handled_vectors.clear()
        apic.highest_stale_pending_ioapic_eoi = None
        if self.irqchip_mode == IrqchipMode.SPLIT:
            self.kvm_scan_ioapic_routes(cpu, apic)
        elif self.irqchip_mode == IrqchipMode.KERNEL:
            self.kvm_ioapic_scan_entry(cpu, apic)

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_inject_irq(self, cpu: Cpu) -> None:
        """kvm_check_and_inject_events(). Simplified: the kick out of the guest and the injecting entry are one step."""
        apic = self.apic[cpu]
        require(apic.in_guest and self.guest_can_take_interrupt(cpu))
        vector = require(self.kvm_apic_has_interrupt(apic))
        self.kvm_apic_ack_interrupt(apic, vector)
        self.guest_interrupt(cpu, vector)
