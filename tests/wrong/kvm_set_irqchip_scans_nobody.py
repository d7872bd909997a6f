from model.designs.base import Base
from model.machine import Cpu, Pin, Trigger, Vector


class ScansNobody(Base):
    """KVM_SET_IRQCHIP stores its entry, and vCPUs go on with the EOIs that they intercepted before."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.remote_irr = remote_irr
        rte.irr = False
        if irr:
            self.kvm_ioapic_set_irq(pin, True)
