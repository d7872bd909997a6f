from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    none: Annotated[int, Index(0)]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
