from typing import final

from model.designs.base import Base
from model.machine import Lapic


@final
class Mine(Base):
    seen: bool

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
