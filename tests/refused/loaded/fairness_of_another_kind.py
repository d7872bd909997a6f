from enum import Enum

from model.designs.base import Base
from model.lang import step
from model.machine import Cpu


class Fair(Enum):
    WEAK = "weak"


class Mine(Base):
    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        super().vcpu_enter_guest(cpu)
