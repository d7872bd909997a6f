from model.designs.base import Base
from model.lang import step
from model.machine import Cpu

require = bool


class Mine(Base):
    @step(by="KVM")
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        require(self.apic[cpu].spiv_enabled)
        super().vcpu_enter_guest(cpu)
