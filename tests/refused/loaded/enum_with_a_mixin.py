from enum import Enum
from model.designs.base import Base
from model.machine import Lapic


class Odd:
    same = 1


class Mode(Odd, Enum):
    A = 1
    B = 2


class Mine(Base):
    mode: Mode

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
