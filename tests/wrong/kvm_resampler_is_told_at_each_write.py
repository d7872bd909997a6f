from model.designs.base import Base
from model.machine import Cpu, Pin, Trigger, Vector


class AtEachWrite(Base):
    """Refactor: a line that may be outdated is looked at wherever its entry is written, masked or closed as it may be."""

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        super().kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)
        if trigger == Trigger.LEVEL and self.ioapic[pin].irr:
            self.device_resample(pin)
