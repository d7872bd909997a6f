"""The RTC's pin: an edge whose EOI the in-kernel I/O APIC waits for."""

from __future__ import annotations

from typing import Annotated

from model.designs.base import Base
from model.lang import Label, Patch, Table
from model.machine import Cpu, Lapic, Pin, Trigger, Vector


class RtcTracking(Base):
    """Edge pins whose EOI the kernel waits for: a tick that finds the previous one unended is coalesced.

    Simplified: every edge pin is tracked as the RTC's is, without its map of destinations. One flag stands for the
    RTC's count and for the PIT's irq_ack, which an ack notifier sets; a coalesced tick is not sent again later.
    """

    patch = Patch(title="Edge pins with EOI tracking, as Linux has for RTC and PIT", note="what B2, B9 and B15 need")
    default_roles = {"vmm": ("firecracker",), "guest": ("linux_moves_in_service",), "device": ("edge", "level")}
    scope_defaults = {"pins": 1}

    # rtc_status.pending_eoi: the LAPIC took the interrupt, its EOI is still to come
    pending_eoi: Annotated[Table[Pin, bool], Label("pin {0} pending_eoi")]
    coalesced: Annotated[Table[Pin, bool], Label("pin {0} coalesced")]  # what the last assertion of the pin returned

    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """rtc_irq_check_coalesced() comes first."""
        rte = self.ioapic[pin]
        edge = level and rte.trigger == Trigger.EDGE
        if edge:
            self.coalesced[pin] = self.pending_eoi[pin]
            if self.pending_eoi[pin]:
                return
            self.pending_eoi[pin] = not rte.mask and self.apic[rte.dest].spiv_enabled
        super().kvm_ioapic_set_irq(pin, level)

    def kvm_notify_acked_irq(self, pin: Pin) -> None:
        """rtc_irq_eoi(), kvm_pit_ack_irq()."""
        self.pending_eoi[pin] = False

    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        """Level pins and tracked ones."""
        for rte in self.ioapic.values():
            self.kvm_scan_ioapic_irq(cpu, apic, rte.dest, rte.vector)

    def pin_is_scanned(self, cpu: Cpu, vector: Vector) -> bool:
        return any(rte.vector == vector and self.entry_is_to(pin, cpu) for pin, rte in self.ioapic.items())
