from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    from operator import eq as __eq__

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
