from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    seen: bool

    __getattr__ = Base.apic_set_eoi

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
