from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class EdgeEoiOpens(Base):
    """The entry says how the pin is triggered, so TMR is not asked."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        self.kvm_notify_acked_irq(pin)
        if not apic.spiv_directed_eoi:
            self.kvm_ioapic_eoi_pin(pin)
