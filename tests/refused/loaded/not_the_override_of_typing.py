from functools import cache as override

from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    @override
    def apic_set_eoi(self, apic: Lapic) -> None:
        return
