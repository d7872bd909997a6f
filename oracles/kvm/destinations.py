"""Logical destinations and lowest priority: scenes of model/features/destinations.py, and the VM that plays them.

The vCPUs are in x2APIC mode: the LDR of vCPU n has bit n from the start. An entry and a route have one destination, so
`dest` and `mda` are the same bits here: with four vCPUs all numbers of two bits are APIC IDs, too. Who takes a message is
seen. Who would scan for it is not: accepted_by_set_lapic (differences.py) makes every vCPU scan while it is pending.
"""

# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from typing import cast

from model.features.destinations import (
    DeliveryMode,
    DestMode,
    EntryWithModes,
    HasModes,
    Modes,
    RouteWithModes,
)  # fmt: skip
from model.lang import require, step
from model.machine import Cpu, Machine, Pin, Route, Trigger, Vector
from oracles.kvm import abi
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.harness import InKernel, RunTime, Split
from oracles.kvm.view import FIRST_PIN, real_vector


class WithModes(HasModes, RunTime):
    """Mixed in before a scene whose entries or routes have modes."""

    def set_up(self) -> None:
        super().set_up()
        for cpu, apic in self.apic.items():
            apic.ldr.add(cpu)
            if self.acts(cpu):
                self.kvm_lapic_reg_write_spiv(apic, True, False)

    def acts(self, cpu: Cpu) -> bool:
        """The others are there for their numbers."""
        return cpu in (0, 1)

    @step(by="VMM")
    def init_vcpu(self, cpu: Cpu) -> None:
        require(False)

    def write_with(self, dest: Cpu, dest_mode: DestMode, delivery_mode: DeliveryMode) -> None:
        """What is written next has these modes, and `mda` has the two bits of `dest`."""
        modes = self.written
        modes.dest_mode = dest_mode
        modes.delivery_mode = delivery_mode
        modes.mda.clear()
        if dest in (1, 3):
            modes.mda.add(0)
        if dest in (2, 3):
            modes.mda.add(1)


class SplitDestinations(WithModes, Split):
    @step(by="VMM")
    def set_route(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        require(False)

    @step(by="VMM")
    def set_route_with(
        self, gsi: Pin, vector: Vector, dest: Cpu, dest_mode: DestMode, delivery_mode: DeliveryMode, trigger: Trigger
    ) -> None:
        self.write_with(dest, dest_mode, delivery_mode)
        self.irq_routing[gsi].modes = self.written
        self.ioctl_KVM_SET_GSI_ROUTING(gsi, True, vector, dest, trigger)


class InKernelDestinations(WithModes, InKernel):
    @step(by="guest")
    def write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        require(False)

    @step(by="guest")
    def write_rte_with(
        self, pin: Pin, vector: Vector, dest: Cpu, dest_mode: DestMode, delivery_mode: DeliveryMode, trigger: Trigger,
        mask: bool,
    ) -> None:  # fmt: skip
        self.write_with(dest, dest_mode, delivery_mode)
        self.kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)


def bits(modes: Modes) -> tuple[bool, bool]:
    return modes.dest_mode is DestMode.LOGICAL, modes.delivery_mode is DeliveryMode.LOWEST


class LiveDestinations(LiveKvmSystem):
    """Entries and routes are given to KVM with the modes that they have in the model."""

    drives_modes = True

    def _route(self, gsi: int, route: Route) -> bytes:
        modes = bits(cast(RouteWithModes, route).modes)
        level = route.trigger is Trigger.LEVEL
        return abi.msi_route(FIRST_PIN + gsi, real_vector(route.vector), route.dest, level, *modes)

    def kvm_ioapic_write_rte(
        self, system: Machine, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool
    ) -> None:
        logical, lowest = bits(cast(EntryWithModes, system.ioapic[pin]).modes)
        entry = abi.redirection_entry(real_vector(vector), dest, trigger is Trigger.LEVEL, mask)
        self._write_entry(pin, entry | abi.RTE_LOGICAL * logical | abi.RTE_LOWEST * lowest)
