from model.designs.base import Base
from model.machine import Cpu, Lapic, Vector


class Mine(Base):
    source = "x86.c"


def never_in_guest(s: Base, cpu: Cpu) -> bool:
    return not s.apic[cpu].in_guest
