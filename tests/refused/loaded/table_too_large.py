from model.designs.base import Base
from model.lang import Index, Table
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    many: Table[Annotated[int, Index(2**20)], bool]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
