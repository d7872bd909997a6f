from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class OpensBeforeAck(Base):
    """The pin is opened first, the notifiers are called when the lock is given up."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        if trigger == Trigger.LEVEL and not apic.spiv_directed_eoi:
            self.kvm_ioapic_eoi_pin(pin)
        self.kvm_notify_acked_irq(pin)
