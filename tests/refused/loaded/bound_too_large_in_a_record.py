from model.designs.base import Base
from model.lang import Index, Struct
from model.machine import Lapic
from typing import Annotated


class Note(Struct):
    seen: bool
    big: Annotated[int, Index(2**31)]


class Mine(Base):
    note: Note

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
