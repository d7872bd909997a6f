from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    big: Annotated[int, Index(2**30 + 1)] | None

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
