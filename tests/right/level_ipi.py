"""A level-triggered IPI (lkml 2106.1/00980): TMR says level, so its EOI is broadcast and opens a pin with that vector."""

from __future__ import annotations

from typing import ClassVar

from model.guests.linux import Linux
from model.lang import Fair, require, step
from model.machine import Cpu, Trigger, Vector


class SendsLevelIpi(Linux):
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1, "vectors": 1}

    @step(by="guest", fair=Fair.FINITE)
    def level_ipi(self, cpu: Cpu, dest: Cpu, vector: Vector) -> None:
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu) and dest != cpu and self.apic[dest].spiv_enabled)
        self.apic_accept_irq(self.apic[dest], vector, Trigger.LEVEL)
