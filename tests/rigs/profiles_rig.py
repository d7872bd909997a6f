"""A machine driven by hand in CPython, and verdicts of single cells: for the tests of VMM profiles and guests."""

from __future__ import annotations

from typing import Any

from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions.verdict import Status, check_cell
from model.designs.base import Base
from model.devices import Level
from model.guests.any_guest import AnyGuest
from model.lang import Disabled, compose
from model.machine import IoapicVersion, Scope, Trigger

V11, V20 = IoapicVersion.V11, IoapicVersion.V20
EDGE, LEVEL = Trigger.EDGE, Trigger.LEVEL
HOLDS, VIOLATED = Status.HOLDS, Status.VIOLATED


def system(vmm: type, guest: type = AnyGuest, kernel: type = Base, device: type = Level, **scope: Any) -> Any:
    """A machine whose vCPUs are in the guest, with their LAPICs enabled (and SPIV bit 12 set, if the guest wants it)."""
    s: Any = compose(kernel, vmm, guest, device)(Scope(**scope))
    s.initial()
    enter(s)
    for cpu in s.apic:
        if guest is AnyGuest:
            s.write_spiv(cpu, True, False)
        else:
            s.enable_lapic(cpu)
        enter(s)
    return s


def enter(s: Any) -> None:
    """Serve every EOI exit and let all vCPUs back into the guest."""
    for cpu, apic in s.apic.items():
        while not apic.in_guest:
            s.vcpu_enter_guest(cpu)
            if apic.exit_ioapic_eoi is not None:
                s.kvm_arch_handle_exit(cpu)


def write(
    s: Any, vector: int = 0, *, pin: int = 0, dest: int = 0, trigger: Trigger = LEVEL, mask: bool = False
) -> None:
    s.ioapic_mem_write_rte(pin, vector, dest, trigger, mask)
    enter(s)


def take(s: Any, cpu: int = 0) -> None:
    s.kvm_check_and_inject_events(cpu)
    enter(s)


def run(s: Any, *steps: str, cpu: int = 0, pin: int | None = None) -> None:
    for step in steps:
        getattr(s, step)(cpu, *([] if pin is None else [pin]))
        enter(s)


def disabled(s: Any, step: str, *args: Any) -> bool:
    try:
        getattr(s, step)(*args)
    except Disabled:
        return True
    return False


def driver(s: Any, vector: int = 0, *, pin: int = 0, cpu: int = 0) -> None:
    set_up = s.l1_set_entry if hasattr(s, "l1_set_entry") else s.setup_IO_APIC_irq
    set_up(cpu, pin, vector)
    enter(s)


def verdicts(
    *names: str, vmm: type, guest: type, kernel: type = Base, device: type = Level, **scope: Any
) -> tuple[Status, ...]:
    """HOLDS must not be vacuous."""
    known = all_properties()
    titles = {"kernel": kernel.__name__, "vmm": vmm.__name__, "guest": guest.__name__, "device": device.__name__}
    sizes = {**getattr(guest, "scope_defaults", {}), **scope}
    cell = Cell(titles, compose(kernel, vmm, guest, device), Scope(**sizes))
    found = check_cell(cell, [known[name] for name in names]).verdicts
    assert not any(v.note for v in found), [v.note for v in found]
    return tuple(v.status for v in found)
