from model.designs.v6 import V6
from model.machine import Errno, IrqchipMode


class IrqchipAfterVcpus(V6):
    """KVM_CREATE_IRQCHIP after a vCPU: the VM has an irqchip, and the vCPU no local APIC."""

    def ioctl_KVM_CREATE_IRQCHIP(self) -> None:
        if self.irqchip_in_kernel():
            self.errno = Errno.EEXIST
            return
        self.irqchip_mode = IrqchipMode.KERNEL
        self.errno = Errno.OK
