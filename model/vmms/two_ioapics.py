"""QEMU with two I/O APICs (the microvm machine): routes of equal-numbered pins collide (Q16), EOIs reach both (Q11)."""

from __future__ import annotations

from typing import ClassVar

from model.machine import ApiFlags, Pin
from model.vmms.qemu import Qemu


class TwoIoapics(Qemu):
    """Pin 0 is the first chip; the others are pins 0, 1, ... of the second.

    Simplified: a service looks at both chips, not at the one that asked for it.
    """

    on_request = "for one question: what two chips on one GSI do"
    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.NONE,)  # Simplified: they are explored with one chip
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 2}

    def has_interrupt_remapping(self) -> bool:
        return False

    def has_resamplefds(self) -> bool:
        return False

    def ioapic_gsi(self, pin: Pin) -> Pin:
        """Q16: the number of the pin on its chip, whichever chip that is."""
        for gsi in self.irq_routing:
            if gsi + 1 == pin:
                return gsi
        return pin

    def on_one_chip(self, pin: Pin, other: Pin) -> bool:
        """Q8: a write copies the pins of its own chip into KVM's routes."""
        return (pin > 0) == (other > 0)
