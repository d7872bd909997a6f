from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    def big(self) -> None:
        seen: Annotated[int, Index(2**40)] = 0
        self.delayed_ioapic_service = seen == 0

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
        self.big()
