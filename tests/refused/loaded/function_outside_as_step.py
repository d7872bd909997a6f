from model.designs.base import Base
from model.lang import step
from model.machine import Cpu


class Mine(Base):
    source = "x86.c"


@step(by="KVM")
def kick(self, cpu: Cpu) -> None:
    self.apic[cpu].in_guest = False
