"""ioapic_set_irq() of QEMU without its tests of the level: a line that falls is latched, or serves the others."""

from model.machine import Pin, Trigger
from model.vmms.qemu import Qemu


class EdgeThatFalls(Qemu):
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.LEVEL:
            rte.irr = level
            if level and not rte.remote_irr:
                self.ioapic_service()
        elif not rte.mask:
            rte.irr = True
            self.ioapic_service()


class LevelThatFalls(Qemu):
    """It ends the rest of a pin that the throttle holds back."""

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.LEVEL:
            rte.irr = level
            if not rte.remote_irr:
                self.ioapic_service()
        elif level and not rte.mask:
            rte.irr = True
            self.ioapic_service()
