"""Any VMM: every ioctl, in any order, before and after vCPUs exist and run. There is no I/O APIC but KVM's."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.lang import Label, Table, require, step
from model.machine import ApiFlags, Cpu, Pin, Trigger, Vector
from model.vmms.setup_vmm import SetupVmm


class AnyVmm(SetupVmm):
    """All ioctls, and vCPUs run.

    Simplified: INIT is sent by the VMM; vCPUs are in x2APIC mode whenever CPUID has it, so that MSRs reach the LAPIC.
    """

    sets_remote_irr: ClassVar[bool] = True
    asked_of_kernels: ClassVar[bool] = False  # 10^5 states of one vCPU
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1}

    has_run: Annotated[Table[Cpu, bool], Label("CPU{0} has run")]  # KVM_RUN was called

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return self.has_run[cpu]

    @step(by="VMM")
    def ioctl_set_irqchip(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        self.asked = None
        self.kvm_vm_ioctl_set_irqchip(pin, vector, dest, trigger, mask, remote_irr, irr)

    @step(by="VMM")
    def ioctl_set_gsi_routing(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        self.asked = None
        self.ioctl_KVM_SET_GSI_ROUTING(gsi, valid, vector, dest, trigger)

    @step(by="VMM")
    def ioctl_irq_line(self, gsi: Pin, level: bool) -> None:
        self.asked = None
        self.kvm_vm_ioctl_irq_line(gsi, level)

    @step(by="VMM")
    def ioctl_run(self, cpu: Cpu) -> None:
        """The first KVM_RUN; model/kvm/x86.py repeats it."""
        require(self.apic[cpu].created and not self.has_run[cpu])
        self.has_run[cpu] = True

    @step(by="VMM")
    def init_vcpu(self, cpu: Cpu) -> None:
        """INIT, or a reset of the VM for this vCPU."""
        require(self.apic[cpu].created and self.lapic_in_kernel())
        self.kvm_lapic_reset(self.apic[cpu])
        self.lvr_current[cpu] = self.granted != ApiFlags.NONE

    @step(by="VMM")
    def ioctl_set_msr_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_MSRS of 0x80f: the code that a guest's write runs."""
        require(self.apic[cpu].created and self.lapic_in_kernel() and self.apic[cpu].cpuid_x2apic)
        self.apic[cpu].in_guest = False
        self.kvm_lapic_reg_write_spiv(self.apic[cpu], enabled, directed_eoi)

    @step(by="VMM")
    def ioctl_set_msr_eoi(self, cpu: Cpu) -> None:
        """KVM_SET_MSRS of 0x80b."""
        require(self.apic[cpu].created and self.lapic_in_kernel() and self.apic[cpu].cpuid_x2apic)
        self.apic[cpu].in_guest = False
        self.apic_set_eoi(self.apic[cpu])
