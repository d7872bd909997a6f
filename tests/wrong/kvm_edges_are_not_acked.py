from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class EdgesAreNotAcked(Base):
    """Only a level-triggered interrupt has an EOI that somebody waits for: the test of TMR comes first."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        if trigger != Trigger.LEVEL:
            return
        self.kvm_notify_acked_irq(pin)
        if not apic.spiv_directed_eoi:
            self.kvm_ioapic_eoi_pin(pin)
