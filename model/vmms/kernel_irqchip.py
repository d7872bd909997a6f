"""VMMs that leave the whole irqchip to the kernel (KVM_CREATE_IRQCHIP): Firecracker, QEMU with kernel-irqchip=on."""

from __future__ import annotations

from typing import ClassVar

from model.machine import ApiFlags, Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class KernelIrqchip(Vmm):
    """Firecracker leaves the whole irqchip to the kernel and sets no flag (src/vmm/src/arch/x86_64/vm.rs at 81b38b9d)."""

    called = "firecracker"
    source: ClassVar[str] = ""
    gets_eoi_exits: ClassVar[bool] = False
    ioapic_lane: ClassVar[str] = "KVM"
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)  # the chip is the kernel's; see the design

    def create_irqchip(self) -> None:
        self.ioctl_KVM_CREATE_IRQCHIP()

    def ioapic_version(self) -> IoapicVersion:
        return self.kvm_ioapic_version()

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """KVM_IRQ_LINE."""
        self.kvm_set_irq(pin, level)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """The kernel never exits for an EOI."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        self.kvm_ioapic_write_eoi(vector)

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)


class QemuKernelIrqchip(KernelIrqchip):
    """QEMU with kernel-irqchip=on. The scope's ioapic is the version that it asks KVM for; what KVM has is KVM's.

    Assumed: it would ask with KVM_SET_IRQCHIP2 before vCPUs exist. Released kernels answer ENOTTY, and stay at 0x11.
    """

    api_flags: ClassVar[tuple[ApiFlags, ...]] = tuple(ApiFlags)
    versions: ClassVar[tuple[IoapicVersion, ...]] = tuple(IoapicVersion)

    def create_irqchip(self) -> None:
        self.ioctl_KVM_CREATE_IRQCHIP()
        self.ioctl_KVM_SET_IRQCHIP2(self.scope.ioapic)

    def enable_capabilities(self) -> None:
        """The flags that the user chose, as with a split irqchip."""
        self.enable_cap_api(self.scope.flags)
