"""SVM AVIC: the hardware ends edge interrupts and tells nobody."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from model.features.rtc import RtcTracking
from model.lang import Index, Label, Mask, Patch
from model.machine import Lapic, Pin, Trigger

Frame: TypeAlias = Annotated[int, Index(3)]  # activations of ioapic_set_irq() on the host's stack that are counted


class Avic(RtcTracking):
    """The lazy EOI as it is since 77377064c3a9: it ends the RTC's tracking, and calls no ack notifier."""

    patch = Patch(title="SVM AVIC, with the lazy EOI of edge interrupts", note="what B9 needs, and its fixes")
    default_roles = {"vmm": ("firecracker",), "guest": ("linux",), "device": ("edge", "level")}
    scope_defaults = {"cpus": 1, "pins": 1}

    # of the last assertion: {0} if it did not call itself
    activations: Annotated[Mask[Frame], Label("ioapic_set_irq() inside itself")]

    def apic_set_eoi(self, apic: Lapic) -> None:
        """Hardware traps the EOI only if TMR says level."""
        vector = apic.isr.highest()
        if vector is not None and vector not in apic.tmr:
            apic.isr.discard(vector)
            return
        super().apic_set_eoi(apic)

    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """A pass of the loop is an activation: the resampler lowers its own source and sets the line to the OR of all.

        Assumed: a resampling irqfd shares the pin, so inside the call the OR is the level that the caller asked for.
        """
        if level:
            self.activations.clear()
        for frame in range(3):
            if not level or (frame > 0 and not (self.lazy_update_applies(pin) and self.lazy_update_notifies())):
                break
            self.activations.add(frame)
            if self.lazy_update_applies(pin):
                self.pending_eoi[pin] = False  # rtc_irq_eoi()
        super().kvm_ioapic_set_irq(pin, level)

    def lazy_update_applies(self, pin: Pin) -> bool:
        rte = self.ioapic[pin]
        pending = self.kvm_apic_pending_eoi(self.apic[rte.dest], rte.vector)
        return rte.trigger == Trigger.EDGE and not pending

    def lazy_update_notifies(self) -> bool:
        """Does it go through kvm_ioapic_update_eoi_one(), and so call the ack notifiers?"""
        return False
