from model.machine import Trigger, Vector
from model.vmms.qemu import Qemu


class SkipsMasked(Qemu):
    """A masked pin has nothing to end."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector != vector or rte.trigger != Trigger.LEVEL or rte.mask:
                continue
            self.device_resample(pin)
            if rte.remote_irr:
                rte.remote_irr = False
                if rte.irr:
                    self.ioapic_service()
