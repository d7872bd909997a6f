from model.designs.base import Base
from model.machine import Lapic

above = super


class Mine(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        above().apic_set_eoi(apic)
