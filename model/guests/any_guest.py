"""The most general guest: at any time it writes SPIV, the LAPIC's EOI, an I/O APIC entry or the I/O APIC's EOI
register, or services a device. For properties that no guest may break.

Simplified: no IPIs (ICR, self-IPI), no write of ID, LDR, DFR, TPR or LVT, no reads, and an entry is written as a whole.
"""

from __future__ import annotations

from typing import ClassVar

from model.guests.lapic_guest import LapicGuest
from model.lang import require, step
from model.machine import Cpu, Pin, Trigger, Vector


class AnyGuest(LapicGuest):
    """A LapicGuest with an I/O APIC and devices."""

    called = "any"
    on_request = ""
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1}

    @step(by="guest")
    def write_ioapic_eoi(self, vector: Vector) -> None:
        require(any(apic.in_guest for apic in self.apic.values()))
        self.ioapic_mem_write_eoi(vector)

    @step(by="guest")
    def write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        require(any(apic.in_guest for apic in self.apic.values()))
        self.ioapic_mem_write_rte(pin, vector, dest, trigger, mask)

    @step(by="guest")
    def service_device(self, pin: Pin) -> None:
        require(any(apic.in_guest for apic in self.apic.values()))
        self.device_service(pin)

    def guest_uses_device(self, pin: Pin) -> bool:
        return True
