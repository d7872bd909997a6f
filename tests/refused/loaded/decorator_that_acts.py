from checker.matrix.roles import VMMS
from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    @VMMS.update
    def kept(self) -> None:
        pass

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
