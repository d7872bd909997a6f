"""The throttle of the in-kernel I/O APIC on the live kernel: KVM counts to 10,000 where the model (throttle=True) counts
to 2, and then waits 10 ms of real time.

After an EOI that the model counts as its first, KVM's counter stands at 1. The same EOI is repeated until it stands at
9,999: KVM_SET_LAPIC puts the vector in service again, as it was before the EOI, and the EOI does again what it did. So
nothing else changes, for one vCPU: KVM_SET_LAPIC also makes every vCPU scan, and one alone would find what it found
before, since each write to an entry makes it scan anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from model.machine import Machine
from oracles.kvm import abi
from oracles.kvm.vm import Vcpu
from oracles.lockstep import NotRunnable, TooLate

SUCCESSIVE_IRQ_MAX_COUNT = 10_000
NOT_YET_SECONDS = 0.006  # HZ / 100 jiffies are 8 to 12 ms at 250 Hz, and 10 to 11 ms at 1000 Hz
DONE_SECONDS = 0.025
LATE_SECONDS = 1.0  # a kernel worker may have to wait for a CPU


class Throttle:
    """Of one VM. counts: the model's irq_eoi of each pin after the last entry; armed: time.monotonic() just before the
    EOI that armed the delayed work, until the work has been waited for."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.armed: float | None = None

    def note(self, system: Machine) -> None:
        """After each entry."""
        self.counts = [rte.irq_eoi for rte in system.ioapic.rows]

    def write_eoi(self, system: Machine, vcpu: Vcpu, agrees: Callable[[], bool]) -> None:
        """As often as the model's one EOI says; once, if that one does not do what the model says (agrees()). Raises
        NotRunnable where more of them would do more than count."""
        before = self.counts or [0] * len(system.ioapic.rows)
        rows = list(zip(before, system.ioapic.rows, strict=True))
        counted = any(old == 0 and rte.irq_eoi == 1 for old, rte in rows)
        armed = any(old == 1 and rte.irr and not rte.mask and rte.irq_eoi == 0 for old, rte in rows)
        if counted and armed:
            raise NotRunnable("two pins of one vector are at different counts of the throttle")
        if counted and system.scope.cpus > 1:
            raise NotRunnable("an EOI is repeated by KVM_SET_LAPIC, which makes the other vCPUs scan")
        page = bytes(vcpu.get_lapic()) if counted else b""
        if armed and self.armed is None:
            self.armed = time.monotonic()
        vcpu.write_x2apic(abi.MSR_X2APIC_EOI, 0)
        if counted and agrees():
            for _ in range(SUCCESSIVE_IRQ_MAX_COUNT - 2):
                vcpu.set_lapic(page)
                vcpu.write_x2apic(abi.MSR_X2APIC_EOI, 0)

    def check_time(self) -> None:
        """After something was looked at. Raises TooLate if the delayed work may have run already."""
        if self.armed is not None and time.monotonic() - self.armed > NOT_YET_SECONDS:
            raise TooLate("the throttle's 10 ms may have passed before the real system was looked at")

    def let_work_run(self, agrees: Callable[[], bool]) -> None:
        """Wait until the delayed work has run; longer, if what is seen is not yet what is expected."""
        if self.armed is None:
            return
        started, self.armed = self.armed, None
        time.sleep(max(0.0, started + DONE_SECONDS - time.monotonic()))
        while not agrees() and time.monotonic() < started + LATE_SECONDS:
            time.sleep(DONE_SECONDS / 5)
