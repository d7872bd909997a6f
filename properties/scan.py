"""Which EOIs KVM intercepts with a split irqchip: those that userspace must hear of, and no others.

They speak of KVM's own bitmap, so no guest and no VMM may break them. An EOI too many costs an exit; one too few is lost.
"""

from __future__ import annotations

from model.lang import Promise, always, reachable
from model.machine import Cpu, IrqchipMode, Machine, Pin, Trigger, Vector
from properties.eoi import LEVEL_IPIS

NO_ROUTES: dict[Promise, str] = {
    lambda system: not system.gets_eoi_exits: "the I/O APIC is in the kernel: no EOI exits to this VMM"
}


@always(source="kvm.md 7.6 P6; message of fceb3a36c29a", premise="level_pending", not_for=NO_ROUTES | LEVEL_IPIS)
def level_eoi_is_intercepted(s: Machine, cpu: Cpu, pin: Pin) -> bool:
    """While a vCPU runs with a level route's interrupt pending or in service, its EOI is intercepted.

    Violated: CPU{cpu} will EOI the interrupt of pin {pin}, and KVM will not tell the VMM.
    """
    apic = s.apic[cpu]
    route = s.irq_routing[pin]
    level = route.valid and route.trigger == Trigger.LEVEL and route.vector in apic.tmr
    due = apic.in_guest and level and (route.vector in apic.irr or route.vector in apic.isr)
    return not due or route.vector in apic.ioapic_handled_vectors


@always(source="kvm.md 7.3 and 7.6 P7", premise="vector_intercepted", not_for=NO_ROUTES)
def only_level_eois_are_intercepted(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """An EOI is intercepted only if a level route sends its vector to this vCPU, or did when what is pending was sent.

    Violated: CPU{cpu} leaves the guest at every EOI of vector {vector}, which no level route sends to it.
    """
    apic = s.apic[cpu]
    stale = apic.highest_stale_pending_ioapic_eoi  # all of them stay until the EOI of the highest
    return (
        s.irqchip_mode != IrqchipMode.SPLIT
        or not apic.in_guest
        or vector not in apic.ioapic_handled_vectors
        or (vector in apic.irr or vector in apic.isr)
        or (stale is not None and (stale in apic.irr or stale in apic.isr))
        or any(
            route.valid and route.trigger == Trigger.LEVEL and route.vector == vector and s.route_is_to(gsi, cpu)
            for gsi, route in s.irq_routing.items()
        )
    )


@always(source="Sean Christopherson, 2025-09-22, aNHE0U3qxEOniXqO@google.com", premise="eoi_exit", not_for=NO_ROUTES)
def only_intercepted_eois_exit(s: Machine, cpu: Cpu) -> bool:
    """KVM_EXIT_IOAPIC_EOI is asked for, and reported, for intercepted vectors only.

    Violated: CPU{cpu} leaves the guest for the EOI of a vector that its last scan did not intercept.
    """
    apic = s.apic[cpu]
    asked = apic.pending_ioapic_eoi
    told = apic.exit_ioapic_eoi
    return (not apic.req_ioapic_eoi_exit or asked is None or asked in apic.ioapic_handled_vectors) and (
        told is None or told in apic.ioapic_handled_vectors
    )


@reachable(not_for=NO_ROUTES)
def level_pending(s: Machine, cpu: Cpu, pin: Pin) -> bool:
    """A level route's interrupt is pending or in service on a vCPU that runs."""
    apic = s.apic[cpu]
    route = s.irq_routing[pin]
    level = route.valid and route.trigger == Trigger.LEVEL and route.vector in apic.tmr
    return apic.in_guest and level and (route.vector in apic.irr or route.vector in apic.isr)


@reachable(not_for=NO_ROUTES)
def vector_intercepted(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """A running vCPU's EOI of this vector is intercepted."""
    return s.apic[cpu].in_guest and vector in s.apic[cpu].ioapic_handled_vectors
