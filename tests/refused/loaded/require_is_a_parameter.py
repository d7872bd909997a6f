from model.designs.base import Base
from model.lang import require
from model.machine import Cpu, Lapic


class Mine(Base):
    def ask(self, require: bool) -> None:
        require(self.errno == self.errno)

    def apic_set_eoi(self, apic: Lapic) -> None:
        self.ask(True)
        super().apic_set_eoi(apic)
