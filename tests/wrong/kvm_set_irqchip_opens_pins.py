from model.designs.base import Base
from model.machine import Cpu, Pin, Trigger, Vector


class OpensPins(Base):
    """KVM_SET_IRQCHIP treats Remote IRR as a guest's write does: as read-only, so a pin comes open out of a stream; and what
    is latched is not sent again."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.irr = irr
        self.kvm_make_scan_ioapic_request()
