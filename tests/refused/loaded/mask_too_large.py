from model.designs.base import Base
from model.lang import Index, Mask
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    many: Mask[Annotated[int, Index(65)]]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
