"""QEMU with two I/O APICs (the microvm machine): routes of equal-numbered pins collide (Q16), EOIs reach both (Q11)."""

from __future__ import annotations

from typing import ClassVar

from model.machine import ApiFlags, Pin, Trigger
from model.vmms.qemu import Qemu


class TwoIoapics(Qemu):
    """Pin 0 is the first chip; the others are pins 0, 1, ... of the second.

    Simplified: a service looks at both chips, not at the one that asked for it.
    """

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

    def ioapic_service(self) -> None:
        for pin, rte in self.ioapic.items():
            if not rte.irr or rte.mask:
                continue
            if rte.trigger == Trigger.EDGE:
                rte.irr = False
                self.kvm_set_irq(self.ioapic_gsi(pin), True)
            elif not rte.remote_irr:
                rte.remote_irr = True
                self.kvm_set_irq(self.ioapic_gsi(pin), True)

    def ioapic_update_kvm_routes(self, written: Pin) -> None:
        """Q8: the unmasked pins of the chip that was written to."""
        for pin, rte in self.ioapic.items():
            if not rte.mask and (pin > 0) == (written > 0):
                route = self.irq_routing[self.ioapic_gsi(pin)]
                route.valid = True
                route.vector = rte.vector
                route.dest = rte.dest
                route.trigger = rte.trigger
        self.kvm_set_irq_routing()
