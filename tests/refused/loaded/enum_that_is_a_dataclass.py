from dataclasses import dataclass
from enum import Enum

from model.designs.base import Base
from model.machine import Lapic


@dataclass(frozen=True)
class Mode(Enum):
    OFF = 0
    ON = 1


class Mine(Base):
    mode: Mode

    def apic_set_eoi(self, apic: Lapic) -> None:
        self.mode = Mode.ON
        super().apic_set_eoi(apic)
