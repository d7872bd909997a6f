from model.machine import Trigger, Vector
from model.vmms.qemu import Qemu


class ForgetsTheLine(Qemu):
    """A pin is opened, and whether its line is still high is left to the next call."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL:
                self.device_resample(pin)
                rte.remote_irr = False
