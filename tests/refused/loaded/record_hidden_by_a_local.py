from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    def put(self, Lapic: bool) -> None:
        self.apic[0] = Lapic(created=True)

    def apic_set_eoi(self, apic: Lapic) -> None:
        self.put(True)
