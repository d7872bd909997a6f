"""Edge-triggered IPIs with a vector of their own, as every SMP kernel sends them: no pin has to answer for them."""

from __future__ import annotations

from typing import ClassVar

from model.guests.linux import Linux
from model.lang import Fair, require, step
from model.machine import Cpu, Pin, Trigger, Vector

CALL_FUNCTION_SINGLE_VECTOR = 1


class SendsEdgeIpi(Linux):
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1, "vectors": 2}

    def set_up_pin(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        require(vector != CALL_FUNCTION_SINGLE_VECTOR)
        super().set_up_pin(cpu, pin, vector)

    @step(by="guest", fair=Fair.FINITE)
    def native_send_call_func_single_ipi(self, cpu: Cpu, dest: Cpu, vector: Vector) -> None:
        require(vector == CALL_FUNCTION_SINGLE_VECTOR)
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu) and dest != cpu and self.apic[dest].spiv_enabled)
        self.apic_accept_irq(self.apic[dest], vector, Trigger.EDGE)
