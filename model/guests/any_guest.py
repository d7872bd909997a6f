"""The most general guest: any access to any register at any time. For properties that no guest may break."""

from __future__ import annotations

from typing import ClassVar

from model.lang import require, step
from model.machine import Cpu, Machine, Pin, Trigger, Vector


class AnyGuest(Machine):
    """It promises nothing, so nothing that depends on a guest's good will is asked of it."""

    lane: ClassVar[str] = "CPU{cpu}"
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1}

    @step(by="guest")
    def write_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(self.apic[cpu].in_guest)
        self.kvm_lapic_reg_write_spiv(self.apic[cpu], enabled, directed_eoi)

    @step(by="guest")
    def write_apic_eoi(self, cpu: Cpu) -> None:
        require(self.apic[cpu].in_guest)
        self.apic_set_eoi(self.apic[cpu])

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

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return True

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        """Nothing follows from an interrupt."""

    def guest_uses_device(self, pin: Pin) -> bool:
        return True

    def guest_is_handling(self, pin: Pin) -> bool:
        return False

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return False
