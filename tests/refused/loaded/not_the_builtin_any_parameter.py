from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    def some(self, any: bool) -> bool:
        return any(pin == 0 for pin in range(2))

    def apic_set_eoi(self, apic: Lapic) -> None:
        if self.some(True):
            super().apic_set_eoi(apic)
