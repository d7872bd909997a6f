"""What the issue asks for: at an EOI, a line that is still high is sent again."""

from __future__ import annotations

from model.machine import Trigger, Vector
from model.vmms.cloud_hypervisor import CloudHypervisor


class SendsAgain(CloudHypervisor):
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        super().ioapic_eoi_broadcast(vector)
        for pin, rte in self.ioapic.items():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL and self.raised[pin]:
                self.ioapic_set_irq(pin, True)
