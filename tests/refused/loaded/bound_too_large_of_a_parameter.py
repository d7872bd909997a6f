from model.designs.base import Base
from model.lang import Index
from model.machine import Lapic
from typing import Annotated


class Mine(Base):
    def big(self, seen: Annotated[int, Index(2**31)]) -> None:
        self.delayed_ioapic_service = seen == 0

    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
        self.big(0)
