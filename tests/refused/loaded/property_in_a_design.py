from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    seen: bool

    @property
    def seen(self) -> bool:
        return False

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
