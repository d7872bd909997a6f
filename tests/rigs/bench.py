"""A system in one's hands: the model's functions called one at a time in CPython, and messages counted."""

from __future__ import annotations

from typing import Any, cast

import pytest

from model.designs.base import Base
from model.devices import Level
from model.guests.any_guest import AnyGuest
from model.lang import Disabled, compose
from model.machine import IoapicVersion, Lapic, Machine, Pin, RedirectionEntry, Scope, Trigger
from model.vmms.qemu import Qemu

V11, V20 = IoapicVersion.V11, IoapicVersion.V20
EDGE, LEVEL = Trigger.EDGE, Trigger.LEVEL
both_versions = pytest.mark.parametrize("version", [V11, V20])


class Counted(Machine):
    """Notes every message that the VMM sends: (pin, vector, dest, trigger) of the KVM route it goes by."""

    def kvm_set_irq(self, gsi: Pin, level: bool) -> None:
        route = self.irq_routing[gsi]
        if route.valid:
            cast(Any, self).__dict__["sent"].append((gsi, route.vector, route.dest, route.trigger))
        super().kvm_set_irq(gsi, level)  # type: ignore[safe-super]


class Bench:
    """Pin 0 is programmed (vector 1 to CPU 0, level, unmasked) and the vCPUs are in the guest, LAPICs enabled."""

    def __init__(
        self, version: IoapicVersion = V20, *, vmm: type[Machine] = Qemu, kernel: type[Machine] = Base, cpus: int = 1,
        x2apic: bool = True, throttle: bool = False, directed: bool = False, guest: type[Machine] = AnyGuest,
    ) -> None:  # fmt: skip
        """With another guest than AnyGuest the pins are not programmed yet."""
        self.scope = Scope(cpus=cpus, pins=2, vectors=3, ioapic=version, x2apic=x2apic, throttle=throttle)
        self.s = cast(Any, compose(Counted, kernel, vmm, guest, Level))(self.scope)
        self.s.__dict__["sent"] = []
        self.s.initial()
        for cpu in range(cpus):
            self.enter(cpu)
            self.write_spiv(True, directed, cpu)
        if guest is AnyGuest:
            self.rte(0)
        self.settle()
        self.sent.clear()

    @property
    def sent(self) -> list[tuple[int, int, int, Trigger]]:
        return cast(Any, self.s).__dict__["sent"]

    @property
    def d(self) -> int:
        """Messages since this was last read."""
        count = len(self.sent)
        self.sent.clear()
        return count

    @property
    def r(self) -> bool:
        """Remote IRR of pin 0."""
        return self.pin(0).remote_irr

    def pin(self, pin: int) -> RedirectionEntry:
        return self.s.ioapic[pin]

    def apic(self, cpu: int = 0) -> Lapic:
        return self.s.apic[cpu]

    def rte(self, pin: int, vector: int = 1, dest: int = 0, trigger: Trigger = LEVEL, mask: bool = False) -> None:
        self.s.ioapic_mem_write_rte(pin, vector, dest, trigger, mask)

    def line(self, level: bool, pin: int = 0) -> None:
        self.s.ioapic_set_irq(pin, level)

    def eoir(self, vector: int = 1) -> None:
        self.s.ioapic_mem_write_eoi(vector)

    def can(self, step: str, *args: Any) -> bool:
        """Take a step if it is enabled."""
        try:
            getattr(self.s, step)(*args)
        except Disabled:
            return False
        return True

    def enter(self, cpu: int = 0) -> bool:
        return self.can("vcpu_enter_guest", cpu)

    def inject(self, cpu: int = 0) -> bool:
        return self.can("kvm_check_and_inject_events", cpu)

    def exit(self, cpu: int = 0) -> bool:
        """The VMM handles KVM_EXIT_IOAPIC_EOI, if there is one."""
        return self.can("kvm_arch_handle_exit", cpu)

    def settle(self, handle_exits: bool = True) -> None:
        """Until every vCPU is in the guest: KVM_RUN, and what the VMM does between."""
        for _ in range(8):
            for cpu in range(self.scope.cpus):
                self.enter(cpu)
                if handle_exits:
                    self.exit(cpu)

    def take(self, cpu: int = 0) -> None:
        """The vCPU enters the guest and takes its interrupt."""
        self.settle()
        assert self.inject(cpu)

    def eoi(self, cpu: int = 0) -> None:
        """The guest EOIs its LAPIC."""
        self.s.apic_set_eoi(self.apic(cpu))

    def write_spiv(self, enabled: bool = True, directed: bool = False, cpu: int = 0) -> None:
        self.s.kvm_lapic_reg_write_spiv(self.apic(cpu), enabled, directed)

    def sets(self, cpu: int = 0) -> tuple[set[int], set[int]]:
        """(IRR, ISR)."""
        return set(self.apic(cpu).irr), set(self.apic(cpu).isr)

    def handled(self, cpu: int = 0) -> set[int]:
        return set(self.apic(cpu).ioapic_handled_vectors)


def in_service(**options: Any) -> Bench:
    """CPU 0 has the interrupt of pin 0 in service, its line is low."""
    b = Bench(V20, **options)
    b.line(True)
    b.take()
    b.line(False)
    b.sent.clear()
    return b


def stale(kernel: type[Machine], directed: bool) -> Bench:
    """The interrupt is in service on CPU 0, and its pin was retargeted to CPU 1."""
    b = in_service(kernel=kernel, cpus=2, directed=directed)
    b.rte(0, dest=1)
    b.settle()
    assert b.apic().highest_stale_pending_ioapic_eoi == 1
    return b


def eoi_is_reported(b: Bench, cpu: int = 0) -> bool:
    """The guest EOIs, the vCPU goes on: does KVM_EXIT_IOAPIC_EOI come?"""
    b.eoi(cpu)
    b.enter(cpu)
    return b.apic(cpu).exit_ioapic_eoi is not None


def raised(version: IoapicVersion) -> Bench:
    """The line is high, its message is sent, Remote IRR is set."""
    b = Bench(version)
    b.line(True)
    assert (b.d, b.r) == (1, True)
    return b
