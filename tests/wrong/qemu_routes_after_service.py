from model.machine import Cpu, Pin, Trigger, Vector
from model.vmms.qemu import Qemu


class RoutesAfterService(Qemu):
    """QEMU before March 2023: an entry is sent before its route is set (20230308111952.2728440-2-dwmw2@infradead.org)."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.irq_eoi = 0
        if trigger == Trigger.EDGE:
            rte.remote_irr = False
        self.ioapic_service()
        self.ioapic_update_kvm_routes(pin)
