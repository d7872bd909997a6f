from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class IgnoresTheBit(Base):
    """No guest can set SPIV bit 12 with an I/O APIC in the kernel, so nothing has to look at it."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        self.kvm_notify_acked_irq(pin)
        if trigger == Trigger.LEVEL:
            self.kvm_ioapic_eoi_pin(pin)
