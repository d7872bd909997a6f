"""What the historical bugs of kvm.md section 6 broke, where the properties of the mails do not speak of it.

Each is asked of the systems that have the feature it speaks of (model/features).
"""

from __future__ import annotations

from model.features.apicv import PostedInterrupts
from model.features.avic import Avic
from model.features.lines import LineSources
from model.features.rtc import RtcTracking
from model.lang import always, reachable
from model.lines import KernelResample
from model.machine import Cpu, Pin, Trigger
from properties.pins import REPLAYS, RESAMPLES

TRACKS: dict[type, str] = {RtcTracking: "asked only of kernels with EOI tracking of edge pins"}
POSTS: dict[type, str] = {PostedInterrupts: "asked only of kernels with posted interrupts"}
LAZY: dict[type, str] = {Avic: "asked only of kernels with AVIC"}
SHARES: dict[type, str] = {LineSources: "asked only of kernels with lines of several sources"}


@always(source="kvm.md B2, B9, B15; ioapic.c:rtc_irq_check_coalesced()", premise="tick_tracked", only_for=TRACKS)
def coalesced_only_while_pending(before: RtcTracking, after: RtcTracking, pin: Pin) -> bool:
    """An edge is coalesced only with an interrupt that the guest has still to end.

    Violated: The edge on pin {pin} is coalesced with an interrupt that the guest ended long ago.
    """
    asserted = after.raised[pin] and not before.raised[pin]
    if not asserted or not after.coalesced[pin]:
        return True
    vector = after.ioapic[pin].vector
    return any(vector in apic.irr or vector in apic.isr for apic in after.apic.values())


@always(source="kvm.md B5; message of f3ced000a2df", premise="interrupt_posted", only_for=POSTS)
def no_posted_eoi_lost(s: PostedInterrupts, pin: Pin) -> bool:
    """While a pin has Remote IRR set, somebody will still clear it: a posted interrupt is still to be ended.

    Violated: Pin {pin} keeps Remote IRR set and nobody is left who would clear it.
    """
    rte = s.ioapic[pin]
    return (
        not rte.remote_irr
        or any(
            s.guest_uses_cpu(cpu) and (rte.vector in s.pir[cpu] or (rte.vector in apic.irr or rte.vector in apic.isr))
            for cpu, apic in s.apic.items()
        )
        or any(apic.req_ioapic_eoi_exit and apic.pending_ioapic_eoi == rte.vector for apic in s.apic.values())
        or any(apic.exit_ioapic_eoi == rte.vector for apic in s.apic.values())
    )


@always(source="kvm.md B9; messages of 8be8f932e3db and 77377064c3a9", premise="irq_set", only_for=LAZY)
def ioapic_set_irq_returns(s: Avic) -> bool:
    """ioapic_set_irq() does not call itself through its own ack notifiers.

    Violated: Each ioapic_set_irq() finds what the one before it found and calls itself: the host's stack overflows.
    """
    return 2 not in s.activations


@always(source="kvm.md B10; message of fef8f2b90edb", premise="level_injected", only_for=RESAMPLES, not_for=REPLAYS)
def no_spurious_injection(before: KernelResample, after: KernelResample, pin: Pin) -> bool:
    """A level interrupt is sent only while its device wants service.

    Violated: The interrupt of pin {pin} is sent although its device was serviced and wants nothing.
    """
    rte = after.ioapic[pin]
    closes = rte.remote_irr and not before.ioapic[pin].remote_irr
    sent = any(rte.vector in apic.irr - before.apic[cpu].irr for cpu, apic in after.apic.items())
    wanted = any(after.raised[p] and other.vector == rte.vector for p, other in after.ioapic.items())
    return rte.trigger != Trigger.LEVEL or ((not closes or after.raised[pin]) and (not sent or wanted))


@always(source="kvm.md B14; message of 1a577b72475d", premise="source_high", only_for=SHARES)
def latch_follows_line(s: LineSources, pin: Pin) -> bool:
    """Once every KVM_IRQ_LINE has returned, the I/O APIC's latch is the OR of the pin's sources.

    Violated: A source of pin {pin} is high, and the I/O APIC holds the line for low.
    """
    if s.ioapic[pin].trigger == Trigger.EDGE or s.kvm_set_irq_in_progress(0) or s.kvm_set_irq_in_progress(1):
        return True
    return s.ioapic[pin].irr == s.line_is_high(pin)


@reachable(only_for=TRACKS)
def tick_tracked(s: RtcTracking, pin: Pin) -> bool:
    """The kernel waits for the EOI of an edge."""
    return s.pending_eoi[pin]


@reachable(only_for=POSTS)
def interrupt_posted(s: PostedInterrupts, cpu: Cpu, pin: Pin) -> bool:
    """An interrupt of the pin waits in PIR while the pin is closed."""
    return s.ioapic[pin].remote_irr and s.ioapic[pin].vector in s.pir[cpu]


@reachable(only_for=LAZY)
def irq_set(s: Avic) -> bool:
    """ioapic_set_irq() has run."""
    return 0 in s.activations


@reachable(only_for=RESAMPLES)
def level_injected(s: KernelResample, pin: Pin) -> bool:
    """A level interrupt was sent, and a LAPIC took it."""
    return s.ioapic[pin].trigger == Trigger.LEVEL and s.ioapic[pin].remote_irr


@reachable(only_for=SHARES)
def source_high(s: LineSources, pin: Pin) -> bool:
    """A source of the line is high."""
    return s.line_is_high(pin)
