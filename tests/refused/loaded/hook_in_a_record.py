from model.designs.base import Base
from model.lang import Struct
from model.machine import Lapic


class Note(Struct):
    seen: bool

    def __setattr__(self, name, value):
        return


class Mine(Base):
    note: Note

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
