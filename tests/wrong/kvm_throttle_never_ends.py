from model.designs.base import Base
from model.lang import require
from model.machine import Trigger


class NeverEnds(Base):
    """The delayed work schedules itself again, whatever it found."""

    def kvm_ioapic_eoi_inject_work(self) -> None:
        require(self.delayed_work_is_due())
        for pin, rte in self.ioapic.items():
            if rte.trigger == Trigger.LEVEL and rte.irr and not rte.remote_irr:
                self.kvm_ioapic_service(pin)
