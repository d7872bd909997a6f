from model.designs.base import Base
from model.lang import require
from model.machine import Trigger


class SendsLowLines(Base):
    """The delayed work sends every level pin that is open, and does not look at its line."""

    def kvm_ioapic_eoi_inject_work(self) -> None:
        require(self.delayed_work_is_due())
        self.delayed_ioapic_service = False
        for pin, rte in self.ioapic.items():
            if rte.trigger == Trigger.LEVEL and not rte.remote_irr:
                self.kvm_ioapic_service(pin)
