from enum import Enum

from model.designs.base import Base
from model.machine import Lapic


class range(Enum):
    SHORT = 0


class Mine(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        for pin in range(1):
            super().apic_set_eoi(apic)
