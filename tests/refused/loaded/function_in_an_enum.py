
from enum import Enum
from model.designs.base import Base
from model.machine import Lapic


class Mode(Enum):
    OFF = 0
    ON = 1

    def is_on(self) -> bool:
        return True


class Mine(Base):
    mode: Mode

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
