"""What the SDM and KVM promise of one local APIC: what it accepts, which interrupt goes first, what INIT leaves; and when its
vCPU scans the I/O APIC. No guest and no VMM may break any of it.
"""

from __future__ import annotations

from model.guests.xen_moves import XenKdump
from model.lang import Promise, always, reachable
from model.machine import Cpu, Machine, Pin, Trigger
from properties.eoi import LEVEL_IPIS, NO_IOAPIC

PASSED_BY: dict[Promise, str] = {
    lambda system: bool(system.passes_ioapic_by): "a resampling irqfd sends past the I/O APIC's mask (Q19)",
    lambda system: bool(system.posts_interrupts): "a posted interrupt gets into IRR later than it was sent",
    **NO_IOAPIC,
    **LEVEL_IPIS,
}
OF_KERNEL: dict[Promise, str] = {
    lambda system: bool(
        system.gets_eoi_exits
    ): "asked of KVM's own I/O APIC: a VMM's hears a vector, and not its TMR bit"
}
PHYSICAL: dict[Promise, str] = {
    lambda system: bool(system.has_modes): "this kernel knows logical destinations, whose vCPUs no entry names",
    **OF_KERNEL,
}
SET_BY_VMM: dict[Promise, str] = {
    lambda system: bool(system.sets_remote_irr): "this VMM sets Remote IRR by KVM_SET_IRQCHIP, whatever the entry is"
}
INIT: dict[type, str] = {XenKdump: "asked only of xen_kdump, which brings CPUs back by INIT"}
BEFORE_6_16: dict[Promise, str] = {
    lambda system: not system.keeps_stale_vectors: "this kernel keeps no stale vector: Linux does from 6.16 on"
}
STALE = "20250304013335.4155703-4-seanjc@google.com"


@always(source="Intel SDM 11.8.4, 11.8.5 (IRR, ISR, PPR); kvm.md 1.3.4", premise="two_at_one_lapic")
def highest_goes_first(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """An interrupt is injected only if nothing that is pending or in service outranks it, and an EOI ends the highest in
    service.

    Violated: CPU{cpu} takes or ends an interrupt although another one outranks it.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    highest = was.isr.highest()
    taken = ((was.irr - now.irr) & now.isr).highest()
    if taken is not None:
        return was.irr.highest() == taken and (highest is None or taken > highest)
    return was.isr == now.isr or not now.spiv_enabled or (was.isr - now.isr).lowest() == highest


@always(
    source="Intel SDM 11.8.4 (TMR), 11.4.7.2; kvm.md 1.2.5, 1.3.2; vmm-guest.md H2, H3, K8", premise="interrupt_pending",
    not_for=PASSED_BY,
)  # fmt: skip
def accepts_what_was_sent(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """What a LAPIC accepts as level-triggered, as TMR says, is what a level pin sends to it. A LAPIC that is disabled accepts
    nothing, and TMR says nothing new then.

    Violated: CPU{cpu} accepts a vector although it is disabled, or as level although no level pin sends it.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    new = now.irr - was.irr
    if (now.tmr - was.tmr) - now.irr:
        return False
    return not new or (
        now.spiv_enabled
        and all(any(after.pin_sends(p, cpu, v, Trigger.LEVEL) for p in after.ioapic) for v in new & now.tmr)
    )


@always(source="vmm-guest.md H3; ioapic.c:ioapic_write_indirect()", premise="edge_pending", not_for=PASSED_BY)
def edge_is_sent_as_it_rises(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """An edge-triggered pin sends an interrupt only as its line rises. (An edge that no pin sends is an IPI, and so is one that
    a CPU sends on as it goes offline.)

    Violated: CPU{cpu} gets an interrupt from an edge-triggered pin although no line has risen.
    """
    now = after.apic[cpu]
    new = (now.irr - before.apic[cpu].irr) - now.tmr
    return not new or all(
        any(v in apic.irr for apic in before.apic.values())
        or not any(after.pin_sends(p, cpu, v, Trigger.EDGE) for p in after.ioapic)
        or any(
            high and not before.raised[p] and after.pin_sends(p, cpu, v, Trigger.EDGE)
            for p, high in after.raised.items()
        )
        for v in new
    )


@always(
    source="82093AA 3.2.4; vmm-guest.md H8; ioapic.c:ioapic_set_irq()", premise="interrupt_pending", not_for=PASSED_BY
)
def falling_line_sends_nothing(before: Machine, after: Machine, pin: Pin, cpu: Cpu) -> bool:
    """A line that falls sends no interrupt, of its own pin or of another. (An EOI that comes with it may: it opens pins.)

    Violated: The line of pin {pin} falls, and CPU{cpu} gets an interrupt.
    """
    if after.raised[pin] or not before.raised[pin]:
        return True
    new = after.apic[cpu].irr - before.apic[cpu].irr
    eoi = any(was.isr - after.apic[c].isr for c, was in before.apic.items()) or any(
        was.remote_irr and not after.ioapic[p].remote_irr for p, was in before.ioapic.items()
    )
    return eoi or not any(any(after.pin_sends(p, cpu, v, rte.trigger) for p, rte in after.ioapic.items()) for v in new)


@always(source="Intel SDM 11.4.7.3; lapic.c:kvm_lapic_reset()", premise="stopped_with_interrupt", only_for=INIT)
def init_leaves_nothing(before: XenKdump, after: XenKdump, cpu: Cpu) -> bool:
    """INIT takes away what was pending and in service, and empties TMR; SPIV is 0xFF, so suppression has to be asked for again.

    Violated: CPU{cpu} comes back by INIT with an interrupt from before, or with SPIV bit 12 set.
    """
    apic = after.apic[cpu]
    came_back = before.stopped[cpu] and not after.stopped[cpu]
    return not came_back or (not (apic.irr | apic.isr | apic.tmr) and not apic.spiv_directed_eoi)


@always(source="Documentation/virt/kvm/vcpu-requests.rst; x86.c:vcpu_enter_guest()", premise="scan_asked_for")
def requests_are_served_first(s: Machine, cpu: Cpu) -> bool:
    """A vCPU does not run guest code while a request to it is pending.

    Violated: CPU{cpu} runs guest code with a request pending.
    """
    apic = s.apic[cpu]
    return not apic.in_guest or not (apic.req_scan_ioapic or apic.req_ioapic_eoi_exit)


@always(source=f"{STALE}; kvm.md 1.6.2, 7.3", premise="scan_asked_for", not_for=BEFORE_6_16)
def stale_is_the_highest(s: Machine, cpu: Cpu) -> bool:
    """What a running vCPU intercepts is sent to it by a level pin, or is not higher than the stale vector; and the stale vector
    is intercepted, and pending or in service.

    Violated: CPU{cpu} intercepts a vector, or holds one for stale, that its scan cannot have found.
    """
    apic = s.apic[cpu]
    if not apic.in_guest:
        return True
    stale = apic.highest_stale_pending_ioapic_eoi
    if stale is None:
        return all(s.pin_is_scanned(cpu, v) for v in apic.ioapic_handled_vectors)
    there = stale in apic.ioapic_handled_vectors and (stale in apic.irr or stale in apic.isr)
    return there and all(v <= stale or s.pin_is_scanned(cpu, v) for v in apic.ioapic_handled_vectors)


@always(source=f"{STALE}; kvm.md 1.4.3", premise="scan_asked_for", not_for=BEFORE_6_16)
def only_the_stale_eoi_rescans(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """The EOI of the stale vector makes its vCPU scan anew, and no other EOI does.

    Violated: CPU{cpu} scans after an EOI that is not that of its stale vector, or does not after the one that is.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    ended = (was.isr - now.isr).highest()
    if ended is None or was.req_scan_ioapic or not now.spiv_enabled:
        return True
    return now.req_scan_ioapic == (was.highest_stale_pending_ioapic_eoi == ended)


@always(source="lapic.c:kvm_recalculate_apic_map(); kvm.md 1.2.4", premise="scan_asked_for")
def new_map_is_scanned(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """A LAPIC that is enabled or disabled makes every vCPU scan.

    Violated: SPIV bit 8 of CPU{cpu} changes, and some vCPU does not scan.
    """
    return before.apic[cpu].spiv_enabled == after.apic[cpu].spiv_enabled or all(
        apic.req_scan_ioapic for apic in after.apic.values()
    )


@always(source="7ee30bc132c6; ioapic.c:ioapic_write_indirect()", premise="scan_asked_for", not_for=PHYSICAL)
def entry_disturbs_its_destinations(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """While LAPICs stay as they are, only a vCPU for which an entry is or was, or that ended its stale vector, has to scan.

    Violated: CPU{cpu} has to scan, and no entry is or was for it.
    """
    was = before.apic[cpu]
    return (
        not after.apic[cpu].req_scan_ioapic
        or was.req_scan_ioapic
        or was.highest_stale_pending_ioapic_eoi is not None
        or any(before.ioapic[p].dest == cpu or rte.dest == cpu for p, rte in after.ioapic.items())
        or any(not apic.spiv_enabled or not before.apic[c].spiv_enabled for c, apic in after.apic.items())
    )


@always(source="kvm.md B19; vmm-guest.md H4, H10", premise="remote_irr_set", not_for=SET_BY_VMM)
def edge_has_no_remote_irr(s: Machine, pin: Pin) -> bool:
    """An entry that is edge-triggered has Remote IRR clear.

    Violated: Pin {pin} is edge-triggered, and Remote IRR is set.
    """
    return s.ioapic[pin].trigger == Trigger.LEVEL or not s.ioapic[pin].remote_irr


@always(source="kvm.md 1.3.3, 2.4; vmm-guest.md H2", premise="edge_pending", not_for=OF_KERNEL)
def edge_eoi_opens_no_pin(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """The EOI of an interrupt that TMR says was an edge opens no pin.

    Violated: CPU{cpu} ends an edge interrupt, and that opens a pin.
    """
    was = before.apic[cpu]
    edges = (was.isr - after.apic[cpu].isr) - was.tmr
    return not edges or all(
        after.ioapic[p].remote_irr or not rte.remote_irr or rte.vector not in edges for p, rte in before.ioapic.items()
    )


@reachable()
def two_at_one_lapic(s: Machine, cpu: Cpu) -> bool:
    """A LAPIC has two interrupts pending or in service."""
    both = s.apic[cpu].irr | s.apic[cpu].isr
    return both.highest() != both.lowest()


@reachable(vital=True)
def interrupt_pending(s: Machine) -> bool:
    """An interrupt is pending at a LAPIC."""
    return any(apic.irr.highest() is not None for apic in s.apic.values())


@reachable()
def edge_pending(s: Machine) -> bool:
    """An edge-triggered interrupt is pending at a LAPIC."""
    return any((apic.irr - apic.tmr).highest() is not None for apic in s.apic.values())


@reachable()
def scan_asked_for(s: Machine) -> bool:
    """A vCPU is asked to scan the I/O APIC."""
    return any(apic.req_scan_ioapic for apic in s.apic.values())


@reachable(only_for=INIT)
def stopped_with_interrupt(s: XenKdump, cpu: Cpu) -> bool:
    """A CPU that the crash stopped has an interrupt pending or in service."""
    return s.stopped[cpu] and (s.apic[cpu].irr | s.apic[cpu].isr).highest() is not None
