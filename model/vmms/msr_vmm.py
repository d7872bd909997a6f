"""A VMM that writes LAPIC registers of a running vCPU by KVM_SET_MSRS. Its level routes stay."""

from __future__ import annotations

from typing import ClassVar

from model.lang import require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class MsrVmm(Vmm):
    """It has no I/O APIC: KVM_IRQ_LINE sends a route's message. Simplified: vCPU 0 is the destination of all."""

    on_request = "made for KVM's uAPI"
    asked_of_kernels: ClassVar[bool] = True
    has_ioapic: ClassVar[bool] = False
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 2, "vectors": 2}

    @step(by="VMM")
    def ioctl_set_gsi_routing(self, gsi: Pin, vector: Vector) -> None:
        require(not self.irq_routing[gsi].valid)
        self.ioctl_KVM_SET_GSI_ROUTING(gsi, True, vector, 0, Trigger.LEVEL)

    @step(by="VMM")
    def ioctl_irq_line(self, gsi: Pin) -> None:
        self.kvm_vm_ioctl_irq_line(gsi, True)

    @step(by="VMM")
    def ioctl_set_msr_eoi(self, cpu: Cpu) -> None:
        """KVM_SET_MSRS of 0x80b: KVM_RUN has returned, for a signal say."""
        require(self.apic[cpu].cpuid_x2apic)
        self.apic[cpu].in_guest = False
        self.apic_set_eoi(self.apic[cpu])

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """No device is connected."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Nobody hears an EOI exit."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """There is no such register."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """There is no such entry."""
