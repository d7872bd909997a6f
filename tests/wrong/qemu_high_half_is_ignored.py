from model.machine import Cpu, Pin
from model.vmms.qemu import Qemu


class HighHalfIgnored(Qemu):
    """The high half of an entry takes effect only with the next write of the low half."""

    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None:
        rte = self.ioapic[pin]
        self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, rte.trigger, rte.mask)
