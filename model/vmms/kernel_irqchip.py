"""A VMM that leaves the whole irqchip to the kernel (KVM_CREATE_IRQCHIP): Firecracker, QEMU with kernel-irqchip=on."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class KernelIrqchip(Vmm):
    source: ClassVar[str] = ""
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)  # the chip is the kernel's; see the design

    def create_irqchip(self) -> None:
        self.kvm_arch_vm_ioctl_create_irqchip()

    def ioapic_version(self) -> IoapicVersion:
        return self.kvm_ioapic_version()

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """KVM_IRQ_LINE."""
        self.kvm_ioapic_set_irq(pin, level)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """The kernel never exits for an EOI."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        self.kvm_ioapic_write_eoi(vector)

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)
