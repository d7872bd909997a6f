from functools import lru_cache as step

from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    @step
    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
