from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    many: Annotated[int, Index(4)] = 4

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
