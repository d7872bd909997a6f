from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class SuppressedAck(Base):
    """A suppressed EOI is no EOI for the I/O APIC: it returns before the ack notifiers."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        if apic.spiv_directed_eoi:
            return
        self.kvm_notify_acked_irq(pin)
        if trigger != Trigger.LEVEL:
            return
        self.kvm_ioapic_eoi_pin(pin)
