from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    seen: bool

    def __setattr__(self, name, value):
        super().__setattr__(name, False if name == "seen" else value)

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
