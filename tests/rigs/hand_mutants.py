"""Mutants that are made by hand, as classes: what the generator makes of the same rules must be judged as they are."""

from __future__ import annotations

from model.designs.v6 import V6
from model.machine import Lapic, Pin, Trigger, Vector
from model.vmms.qemu import SUCCESSIVE_IRQ_MAX_COUNT, Qemu


class EoisWhatIsSuppressed(V6):
    """The in-kernel I/O APIC does not look at SPIV bit 12."""

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        self.kvm_notify_acked_irq(pin)
        if trigger != Trigger.LEVEL:
            return
        self.kvm_ioapic_eoi_pin(pin)


class OffersTheOpposite(V6):
    """LVR bit 24 is the other way round, which shows when a LAPIC is set up."""

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = not (apic.cpuid_x2apic and self.kvm_lapic_advertise_suppress_eoi_broadcast())


class StaysClosed(Qemu):
    """An EOI does not clear Remote IRR."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector != vector or rte.trigger != Trigger.LEVEL:
                continue
            self.device_resample(pin)
            if not rte.remote_irr:
                continue
            if not rte.mask and rte.irr:
                if rte.irq_eoi + 1 == SUCCESSIVE_IRQ_MAX_COUNT:
                    rte.irq_eoi = 0
                    self.delayed_ioapic_service = True
                else:
                    self.count_eoi(rte)
                    self.ioapic_service()
            else:
                rte.irq_eoi = 0
