from model.designs.base import Base
from model.machine import Lapic

__LIMIT = 1


class Mine(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        if __LIMIT == 1:
            super().apic_set_eoi(apic)
