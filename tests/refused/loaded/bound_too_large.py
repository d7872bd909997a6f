from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    big: Annotated[int, Index(2147483649)] = 2147483648

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
