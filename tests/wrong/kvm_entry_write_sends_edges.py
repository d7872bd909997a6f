from model.designs.base import Base
from model.machine import Cpu, Pin, Trigger, Vector


class WriteSendsEdges(Base):
    """A write to an entry sends whatever its latch has."""

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        old_dest = rte.dest
        self.set_entry(rte, vector, dest, trigger, mask)
        if trigger == Trigger.EDGE:
            rte.remote_irr = False
        if rte.irr:
            self.kvm_ioapic_service(pin)
        self.kvm_make_scan_ioapic_request_mask(old_dest, dest)
