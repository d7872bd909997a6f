from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    mode: Annotated[bool, Index(2)]

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
