from model.designs.base import Base
from model.lang import require
from model.machine import Trigger


class NeverEnds(Base):
    """The delayed work schedules itself again, whatever it found."""

    def kvm_ioapic_eoi_inject_work(self) -> None:
        require(self.ioapic_in_kernel() and self.delayed_ioapic_service and self.ten_milliseconds_pass())
        for pin, rte in self.ioapic.items():
            if rte.trigger == Trigger.LEVEL and rte.irr and not rte.remote_irr:
                self.kvm_ioapic_service(pin)
