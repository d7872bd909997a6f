from model.designs.base import Base
from model.lang import Table
from model.machine import Cpu, Lapic


class Mine2(Lapic):
    irr: bool


class Mine(Base):
    apic: Table[Cpu, Mine2]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
