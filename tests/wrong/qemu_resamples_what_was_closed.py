from model.machine import Trigger, Vector
from model.vmms.qemu import SUCCESSIVE_IRQ_MAX_COUNT, Qemu


class ResampleIfClosed(Qemu):
    """kvm_resample_fd_notify() after the test of Remote IRR: an open pin had no interrupt."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector != vector or rte.trigger != Trigger.LEVEL or not rte.remote_irr:
                continue
            self.device_resample(pin)
            rte.remote_irr = False
            if not rte.mask and rte.irr:
                if rte.irq_eoi + 1 == SUCCESSIVE_IRQ_MAX_COUNT:
                    rte.irq_eoi = 0
                    self.delayed_ioapic_service = True
                else:
                    self.count_eoi(rte)
                    self.ioapic_service()
            else:
                rte.irq_eoi = 0
