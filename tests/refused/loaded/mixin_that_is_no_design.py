from model.designs.base import Base
from model.machine import Lapic


class Hooks:
    def apic_set_eoi(self, apic: Lapic) -> None:
        return


class Mine(Hooks, Base):
    seen: bool

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
