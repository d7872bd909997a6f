from model.designs.base import Base
from model.machine import Lapic, Pin, Trigger


class NoAck(Base):
    """A refactoring that tests first: ack notifiers are gone."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        if trigger == Trigger.LEVEL and not apic.spiv_directed_eoi:
            self.kvm_ioapic_eoi_pin(pin)
