from model.machine import Cpu, Pin, Trigger, Vector
from model.vmms.crosvm import Crosvm


class UnmasksBeforeItsRoute(Crosvm):
    """An entry is written as a whole: a line that is high already is sent to where the old route says (V-CR3)."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.write_half(pin, vector, dest, trigger, mask)
