from model.designs.base import Base
from model.machine import Lapic

Lapic.spiv_enabled = True


class Mine(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
