"""A guest that takes interrupts and writes SPIV and EOI at any time, and does nothing else. For the uAPI."""

from __future__ import annotations

from typing import ClassVar

from model.lang import require, step
from model.machine import Cpu, Machine, Pin, Vector


class LapicGuest(Machine):
    """It promises nothing, so nothing that depends on a guest's good will is asked of it."""

    called = "lapic"
    on_request = "made for KVM's uAPI"
    lane: ClassVar[str] = "CPU{cpu}"
    withholds_eois: ClassVar[bool] = True
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    @step(by="guest")
    def write_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(self.apic[cpu].in_guest)
        self.kvm_lapic_reg_write_spiv(self.apic[cpu], enabled, directed_eoi)

    @step(by="guest")
    def write_apic_eoi(self, cpu: Cpu) -> None:
        require(self.apic[cpu].in_guest)
        self.apic_set_eoi(self.apic[cpu])

    def guest_uses_cpu(self, cpu: Cpu) -> bool:
        return True

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return True

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        """Nothing follows from an interrupt."""

    def guest_uses_device(self, pin: Pin) -> bool:
        return False

    def guest_is_handling(self, pin: Pin) -> bool:
        return False

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return False

    def guest_owes_ioapic_eoi(self, pin: Pin) -> bool:
        return False

    def remapped_vector(self, pin: Pin) -> Vector:
        return self.ioapic[pin].vector
