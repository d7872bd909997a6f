
from dataclasses import dataclass
from model.designs.base import Base
from model.machine import Lapic, Scope


@dataclass(frozen=True)
class Sizes(Scope):
    many: int = 2

    def __getattribute__(self, name):
        return 1


class Mine(Base):
    scope: Sizes

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
