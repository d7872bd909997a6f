"""Properties of KVM's intercept bitmap that no guest may break: what the seeded scan bugs show to be missing.

They are kept here, and not in properties/, as long as no registered design violates them (every property there needs one).
P6 and P7 are the fact sheet's names for the two directions: the bitmap has what it must, and no more.
"""

from __future__ import annotations

from model.lang import always, reachable
from model.machine import Cpu, Machine, Pin, Trigger, Vector


@always(source="fact sheet kvm.md P6; bug B3, 0fc5a36dd6b3", premise="level_pending")
def level_eoi_is_intercepted(s: Machine, cpu: Cpu, pin: Pin) -> bool:
    """While a vCPU runs with a level route's interrupt pending or in service, its EOI is intercepted.

    Violated: CPU{cpu} will EOI the interrupt of pin {pin}, and KVM will not tell the VMM.
    """
    apic = s.apic[cpu]
    route = s.irq_routing[pin]
    level = route.valid and route.trigger == Trigger.LEVEL and route.vector in apic.tmr
    due = apic.in_guest and level and s.kvm_apic_pending_eoi(apic, route.vector)
    return not due or route.vector in apic.ioapic_handled_vectors


@always(source="fact sheet kvm.md P7; kvm_ioapic_send_eoi() on stale vectors", premise="vector_intercepted")
def only_level_eois_are_intercepted(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """EOIs are intercepted for level routes to this vCPU only, but for stale vectors until the last is EOIed.

    Violated: CPU{cpu} leaves the guest at every EOI of vector {vector}, which no level route sends to it.
    """
    apic = s.apic[cpu]
    stale = apic.highest_stale_pending_ioapic_eoi
    return (
        not apic.in_guest
        or vector not in apic.ioapic_handled_vectors
        or (stale is not None and s.kvm_apic_pending_eoi(apic, stale))
        or any(
            route.valid and route.trigger == Trigger.LEVEL and route.vector == vector and route.dest == cpu
            for route in s.irq_routing.values()
        )
    )


@always(source="Sean Christopherson, 2025-09-22: only intercepted EOIs exit", premise="exit_reported")
def only_intercepted_eois_exit(s: Machine, cpu: Cpu) -> bool:
    """KVM_EXIT_IOAPIC_EOI is asked for, and reported, for intercepted vectors only.

    Violated: CPU{cpu} leaves the guest for an EOI that no I/O APIC waits for.
    """
    apic = s.apic[cpu]
    asked = apic.pending_ioapic_eoi
    told = apic.exit_ioapic_eoi
    return (not apic.req_ioapic_eoi_exit or asked is None or asked in apic.ioapic_handled_vectors) and (
        told is None or told in apic.ioapic_handled_vectors
    )


@always(source="fact sheet kvm.md P5; 1.5.2, L T18", premise="exit_reported")
def latched_eoi_is_reported(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """An EOI that KVM has latched for the VMM is reported to it, whatever routes change meanwhile.

    Violated: CPU{cpu} drops the EOI that it was to report.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    served = was.req_ioapic_eoi_exit and not now.req_ioapic_eoi_exit
    return not served or now.exit_ioapic_eoi == was.pending_ioapic_eoi


@reachable()
def level_pending(s: Machine, cpu: Cpu, pin: Pin) -> bool:
    """A level route's interrupt is pending on a vCPU that runs."""
    apic = s.apic[cpu]
    route = s.irq_routing[pin]
    level = route.valid and route.trigger == Trigger.LEVEL and route.vector in apic.tmr
    return apic.in_guest and level and s.kvm_apic_pending_eoi(apic, route.vector)


@reachable()
def vector_intercepted(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """A running vCPU's EOI of this vector is intercepted."""
    return s.apic[cpu].in_guest and vector in s.apic[cpu].ioapic_handled_vectors


@reachable()
def exit_reported(s: Machine, cpu: Cpu) -> bool:
    """KVM_EXIT_IOAPIC_EOI is with the VMM."""
    return s.apic[cpu].exit_ioapic_eoi is not None


PROPOSED = {
    p.name: p
    for p in (
        level_eoi_is_intercepted, only_level_eois_are_intercepted, only_intercepted_eois_exit,
        latched_eoi_is_reported, level_pending, vector_intercepted, exit_reported,
    )
}  # fmt: skip
