"""The properties that the mail thread argued about.

A docstring says what must hold; its "Violated:" line is what a reviewer would say of a counterexample.
"""

from __future__ import annotations

from model.lang import Promise, always, leads_to, reachable
from model.machine import Cpu, IoapicVersion, Machine, Pin, Trigger

OWES: dict[Promise, str] = {
    lambda system: bool(system.withholds_eois): "this guest may withhold an EOI for ever",
    lambda system: bool(system.posts_interrupts): "a posted interrupt is pending, too: no_posted_eoi_lost asks",
}
NO_PROTOCOL: dict[Promise, str] = {
    lambda system: bool(system.withholds_eois): "this guest follows no protocol of which the property speaks"
}
LEVEL_IPIS: dict[Promise, str] = {
    lambda system: bool(
        system.sends_level_ipis
    ): "this guest sends level-triggered IPIs, which are no route's interrupts and look like them"
}
NO_IOAPIC: dict[Promise, str] = {lambda system: not system.has_ioapic: "this VMM has no I/O APIC of its own"}


@always(
    source="Sean Christopherson, 2025-09-22, aNHE0U3qxEOniXqO@google.com",
    premise="remote_irr_set",
    not_for=OWES,
)
def no_eoi_lost(s: Machine, pin: Pin) -> bool:
    """While a pin has Remote IRR set, somebody will still clear it.

    Violated: Pin {pin} keeps Remote IRR set and nobody is left who would clear it.
    """
    rte = s.ioapic[pin]
    return (
        not rte.remote_irr
        or any(
            s.guest_uses_cpu(cpu)
            and (s.remapped_vector(pin) in s.apic[cpu].irr or s.remapped_vector(pin) in s.apic[cpu].isr)
            for cpu in s.apic
        )
        or any(apic.req_ioapic_eoi_exit and apic.pending_ioapic_eoi == rte.vector for apic in s.apic.values())
        or any(apic.exit_ioapic_eoi == rte.vector for apic in s.apic.values())
        or s.kvm_holds_eoi(rte.vector)
        or s.vmm_holds_eoi(rte.vector)
        or s.guest_owes_ioapic_eoi(pin)
    )


@always(source="Intel SDM 10.8.5; message of 6517dfbcc918", premise="directed_eoi_owed", not_for=NO_PROTOCOL)
def no_reinjection(s: Machine, pin: Pin) -> bool:
    """A level pin whose EOI broadcast the guest suppressed is not injected again before its directed EOI.

    Violated: Pin {pin} is injected again although its directed EOI is still to come.
    """
    rte = s.ioapic[pin]
    owed = rte.trigger == Trigger.LEVEL and s.guest_owes_directed_eoi(pin)
    return not owed or not any(s.remapped_vector(pin) in apic.irr for apic in s.apic.values())


@leads_to(source="Khushit Shah, 2025-09-18, 20250918162529.640943-1-jon@nutanix.com", not_for=NO_PROTOCOL)
def no_storm(s: Machine, pin: Pin) -> tuple[bool, bool]:
    """An interrupt that the guest took gets its device serviced: it does not just come again for ever.

    Violated: The interrupt of pin {pin} comes again and again, and the guest never gets to service the device.
    """
    return s.raised[pin] and s.guest_is_handling(pin), not s.raised[pin]


@leads_to(source="PATCH v1's purpose; QEMU hw/intc/ioapic.c", not_for=NO_PROTOCOL)
def line_is_serviced(s: Machine, pin: Pin) -> tuple[bool, bool]:
    """A device that wants service is serviced in the end.

    Violated: The device on pin {pin} waits for service for ever.
    """
    return s.raised[pin], not s.raised[pin]


@always(source="Khushit Shah, 2025-09-18, 20250918162529.640943-1-jon@nutanix.com", premise="suppression_requested")
def advertised_is_honoured(s: Machine, cpu: Cpu) -> bool:
    """A vCPU that asked to suppress EOI broadcasts causes no KVM_EXIT_IOAPIC_EOI.

    Violated: CPU{cpu} has SPIV bit 12 set, and its EOI is broadcast to userspace all the same.
    """
    apic = s.apic[cpu]
    return not apic.spiv_directed_eoi or apic.exit_ioapic_eoi is None


@always(
    source="Sean Christopherson, 2025-09-22; message of 0bcc3fb95b97", premise="suppression_offered", not_for=NO_IOAPIC
)
def advertised_is_backed(s: Machine, cpu: Cpu) -> bool:
    """Suppress EOI Broadcast is offered only where the I/O APIC has an EOI register.

    Violated: LVR bit 24 of CPU{cpu} is set, but the I/O APIC has no EOI register.
    """
    return not s.apic[cpu].lvr_directed_eoi or s.ioapic_version() == IoapicVersion.V20


@reachable(vital=True)
def remote_irr_set(s: Machine, pin: Pin) -> bool:
    """The pin is closed by Remote IRR."""
    return s.ioapic[pin].remote_irr


@reachable(not_for=NO_PROTOCOL)
def directed_eoi_owed(s: Machine, pin: Pin) -> bool:
    """The guest EOIed its LAPIC with broadcasts suppressed, and the I/O APIC's EOI is to follow."""
    return s.ioapic[pin].trigger == Trigger.LEVEL and s.guest_owes_directed_eoi(pin)


@reachable()
def suppression_offered(s: Machine, cpu: Cpu) -> bool:
    """LVR bit 24 is set."""
    return s.apic[cpu].lvr_directed_eoi


@reachable()
def suppression_requested(s: Machine, cpu: Cpu) -> bool:
    """SPIV bit 12 is set."""
    return s.apic[cpu].spiv_directed_eoi


@reachable()
def eoi_exit(s: Machine, cpu: Cpu) -> bool:
    """KVM_EXIT_IOAPIC_EOI happens."""
    return s.apic[cpu].exit_ioapic_eoi is not None
