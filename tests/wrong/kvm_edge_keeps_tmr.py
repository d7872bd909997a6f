from model.designs.base import Base
from model.machine import Lapic, Trigger, Vector


class EdgeKeepsTmr(Base):
    """TMR is only ever set."""

    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if not apic.spiv_enabled:
            return
        if trigger == Trigger.LEVEL:
            apic.tmr.add(vector)
        apic.irr.add(vector)
