from model.guests.linux import Linux
from model.lang import step
from model.machine import Cpu


class Mine(Linux):
    @step
    def ack_APIC_irq(self, cpu: Cpu) -> None:
        super().ack_APIC_irq(cpu)
