"""Paolo Bonzini's alternative: KVM_SET_IRQCHIP2 sets the version of the in-kernel I/O APIC; the default is 0x11."""

from model.designs.woodhouse_draft1 import WoodhouseDraft1
from model.lang import Patch
from model.machine import Errno, IoapicVersion


class Irqchip2(WoodhouseDraft1):
    """Assumed: the EOI register is the one of Woodhouse's draft."""

    patch = Patch(
        title="KVM_CAP_IRQCHIP2 with KVM_SET_IRQCHIP2 (a proposal in words)",
        author="Paolo Bonzini",
        date="2025-12-03",
        msgid="CABgObfa3wNsQBjAwWuBhWQbw4FuO7TGePuNzfqAYS1CzRFP6DQ@mail.gmail.com",
        base="woodhouse_draft1",
    )
    version_id: IoapicVersion

    def kvm_ioapic_version(self) -> IoapicVersion:
        return self.version_id

    def ioctl_KVM_SET_IRQCHIP2(self, version: IoapicVersion) -> None:
        if not self.ioapic_in_kernel():
            self.errno = Errno.ENXIO
            return
        self.version_id = version
        self.errno = Errno.OK
