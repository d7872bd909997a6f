from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    @lambda f: f
    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
