from enum import Flag
from model.designs.base import Base
from model.machine import Lapic


class Bits(Flag):
    A = 1
    B = 2
    AB = 3


class Mine(Base):
    bits: Bits

    def apic_set_eoi(self, apic: Lapic) -> None:
        self.bits = Bits.AB
        super().apic_set_eoi(apic)
