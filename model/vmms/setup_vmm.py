"""Any order of the ioctls that set a VM up, with KVM_SET_LAPIC; no vCPU runs, and there is no I/O APIC but KVM's."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.lang import Label, Table, require, step
from model.machine import ApiFlags, Cpu, Errno, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class SetupVmm(Vmm):
    """The ioctls of the set-up, in any order; no vCPU runs. What it remembers is for properties only.

    A vCPU's ioctls need the vCPU's mutex, so KVM_RUN has returned (for a signal, say) when one of them runs.
    """

    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 2}
    ioapic_lane: ClassVar[str] = "KVM"
    on_request = "made for KVM's uAPI"
    asked_of_kernels: ClassVar[bool] = True
    has_ioapic: ClassVar[bool] = False
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)  # the chip, if any, is the kernel's

    # the flags of the last ioctl, if it was KVM_CAP_X2APIC_API
    asked: Annotated[ApiFlags | None, Label("asked for flags")]
    granted: Annotated[ApiFlags, Label("flags granted")]  # the last flags that an ioctl accepted
    lvr_current: Annotated[Table[Cpu, bool], Label("CPU{0} LVR computed since")]  # LVR was computed since then

    def initial(self) -> None:
        """Nothing is set up yet."""

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return False

    # --- VM ioctls ---

    @step(by="VMM")
    def ioctl_create_irqchip(self) -> None:
        self.remember_asked(None)
        self.ioctl_KVM_CREATE_IRQCHIP()

    @step(by="VMM")
    def ioctl_enable_cap_split_irqchip(self) -> None:
        self.remember_asked(None)
        self.enable_KVM_CAP_SPLIT_IRQCHIP()

    @step(by="VMM")
    def ioctl_enable_cap_x2apic_api(self, flags: ApiFlags) -> None:
        self.remember_asked(flags)
        self.enable_KVM_CAP_X2APIC_API(flags in (ApiFlags.BIT2, ApiFlags.BOTH), flags in (ApiFlags.BIT3, ApiFlags.BOTH))
        if self.errno == Errno.OK and flags != ApiFlags.NONE:
            self.remember_granted(flags)

    @step(by="VMM")
    def ioctl_enable_cap_split_irqchip_api(self, disable_suppression: bool) -> None:
        """The proposal of 3 October. Its one bit means what bit 3 means; a later 0 takes nothing back officially."""
        self.remember_asked(None)
        self.enable_KVM_CAP_SPLIT_IRQCHIP_API(disable_suppression)
        if self.errno == Errno.OK and disable_suppression:
            self.remember_granted(ApiFlags.BIT3)

    def remember_asked(self, flags: ApiFlags | None) -> None:
        self.asked = flags

    def remember_granted(self, flags: ApiFlags) -> None:
        self.granted = flags
        for cpu in self.apic:
            self.lvr_current[cpu] = False

    @step(by="VMM")
    def ioctl_get_irqchip(self) -> None:
        self.remember_asked(None)
        self.kvm_vm_ioctl_get_irqchip()

    @step(by="VMM")
    def ioctl_set_irqchip2(self, version: IoapicVersion) -> None:
        self.remember_asked(None)
        self.ioctl_KVM_SET_IRQCHIP2(version)

    # --- vCPU ioctls ---

    @step(by="VMM")
    def ioctl_create_vcpu(self, cpu: Cpu) -> None:
        self.remember_asked(None)
        self.kvm_arch_vcpu_create(self.apic[cpu])

    @step(by="VMM")
    def ioctl_set_cpuid2(self, cpu: Cpu, x2apic: bool) -> None:
        require(self.apic[cpu].created)
        self.remember_asked(None)
        self.apic[cpu].in_guest = False
        self.kvm_set_cpuid(cpu, x2apic)
        if not self.kvm_vcpu_has_run(cpu):
            self.lvr_current[cpu] = self.granted != ApiFlags.NONE

    @step(by="VMM")
    def ioctl_set_lapic(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        """What KVM_GET_LAPIC returned, with any SPIV."""
        require(self.apic[cpu].created)
        self.remember_asked(None)
        self.apic[cpu].in_guest = False
        self.kvm_vcpu_ioctl_set_lapic(self.apic[cpu], enabled, directed_eoi)
        self.lvr_current[cpu] = self.granted != ApiFlags.NONE

    # --- for guests and devices that expect an I/O APIC ---

    def ioapic_version(self) -> IoapicVersion:
        return self.kvm_ioapic_version() if self.ioapic_in_kernel() else IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        if self.irqchip_in_kernel():
            self.kvm_vm_ioctl_irq_line(pin, level)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Nobody hears an EOI exit."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        if self.ioapic_in_kernel():
            self.kvm_ioapic_write_eoi(vector)

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        if self.ioapic_in_kernel():
            self.kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)
