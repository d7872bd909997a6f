from builtins import reversed as range

from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        for pin in range(self.scope.pins):
            if pin == 0:
                super().apic_set_eoi(apic)
