from model.designs.base import Base
from model.lang import Table
from model.machine import Lapic, Pin


class Mine(Base):
    ioapic: Table[Pin, Lapic]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
