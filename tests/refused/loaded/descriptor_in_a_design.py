from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    from operator import attrgetter as some
    from functools import cached_property as other

    lapic_in_kernel = property

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
