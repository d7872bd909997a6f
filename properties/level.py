"""What an I/O APIC, a LAPIC and KVM owe each other for one level interrupt: it is sent once, its pin stays closed until its
EOI, and that EOI is told unless the vCPU that gives it suppresses it.
"""

from __future__ import annotations

from model.lang import Promise, always, reachable
from model.machine import ApiFlags, Cpu, IrqchipMode, Machine, Pin, Trigger, Vector
from properties.eoi import LEVEL_IPIS, NO_IOAPIC, NO_PROTOCOL
from properties.scan import NO_ROUTES

FORGETS: dict[Promise, str] = {
    lambda system: bool(
        system.drops_interrupts
    ): "this guest sets pins up anew, with an old interrupt still outstanding",
    **NO_PROTOCOL,
    **LEVEL_IPIS,
}
OPENS_EARLY: dict[Promise, str] = {
    lambda system: bool(system.opens_early): "this I/O APIC opens pins before their EOI (vmm-guest.md V-CH2, V-OV2)",
    lambda system: bool(system.passes_ioapic_by): "a resampling irqfd sends past the I/O APIC, so no pin closes (Q19)",
    **FORGETS,
}
TAKEN: dict[Promise, str] = {
    lambda system: bool(system.posts_interrupts): "a posted interrupt is taken, too, and is not in IRR yet",
    lambda system: bool(
        system.sets_remote_irr
    ): "this VMM sets Remote IRR by KVM_SET_IRQCHIP, as a migration stream has it, and LAPICs by another ioctl",
}

TO_SOMEBODY: dict[Promise, str] = {
    lambda system: bool(system.has_modes): "a message may go to nobody, whose vector is pending as an edge",
    **TAKEN,
}


@always(source="kvm.md 7.6 P9; vmm-guest.md H4", premise="level_outstanding", not_for=FORGETS)
def level_is_sent_once(s: Machine, pin: Pin, cpu: Cpu, other: Cpu) -> bool:
    """A level pin has at most one interrupt pending or in service. (A pin that hears other pins' EOIs is not asked: they have
    its vector, or with interrupt remapping their LAPIC's vector is its entry's.)

    Violated: The interrupt of pin {pin} is sent to CPU{other} although CPU{cpu} has not ended the one before it.
    """
    vector = s.remapped_vector(pin)
    one = s.apic[cpu]
    two = s.apic[other]
    asked = (
        s.ioapic[pin].trigger == Trigger.LEVEL
        and s.guest_uses_device(pin)
        and vector in one.tmr
        and vector in two.tmr
        and not any(
            p != pin and s.guest_uses_device(p) and s.remapped_vector(p) in (vector, s.ioapic[pin].vector)
            for p in s.ioapic
        )
    )
    if cpu == other:
        return not asked or vector not in one.irr or vector not in one.isr
    both = (vector in one.irr or vector in one.isr) and (vector in two.irr or vector in two.isr)
    return not asked or not both or not s.guest_uses_cpu(cpu) or not s.guest_uses_cpu(other)


@always(source="vmm-guest.md H4, H9", premise="level_outstanding", not_for=OPENS_EARLY)
def closed_until_its_eoi(s: Machine, pin: Pin, cpu: Cpu) -> bool:
    """While the interrupt of a level pin is pending or in service, Remote IRR keeps the pin closed.

    Violated: Pin {pin} is open although CPU{cpu} has not ended its interrupt.
    """
    vector = s.remapped_vector(pin)
    asked = (
        s.ioapic[pin].trigger == Trigger.LEVEL
        and s.guest_uses_device(pin)
        and s.guest_uses_cpu(cpu)
        and vector in s.apic[cpu].tmr
        and not any(
            p != pin and s.guest_uses_device(p) and s.remapped_vector(p) in (vector, s.ioapic[pin].vector)
            for p in s.ioapic
        )
    )
    return not asked or not (vector in s.apic[cpu].irr or vector in s.apic[cpu].isr) or s.ioapic[pin].remote_irr


@always(source="vmm-guest.md H4; kvm.md 2.3, 4.1.3, L U10", premise="remote_irr_set", not_for=TAKEN)
def closes_only_if_taken(before: Machine, after: Machine, pin: Pin) -> bool:
    """A pin closes only if a LAPIC took its message: else nobody will ever EOI it.

    Violated: Pin {pin} closes, and no LAPIC has its interrupt.
    """
    vector = after.remapped_vector(pin)
    closes = after.ioapic[pin].remote_irr and not before.ioapic[pin].remote_irr
    return not closes or any(vector in apic.irr and apic.spiv_enabled for apic in after.apic.values())


@always(
    source="Intel SDM 11.8.4 (TMR); lapic.c:__apic_accept_irq(); vmm-guest.md H4",
    premise="remote_irr_set",
    not_for=TO_SOMEBODY,
)
def closes_for_a_level_message(before: Machine, after: Machine, pin: Pin) -> bool:
    """What a pin closes for is accepted as level, as TMR says, also where the vector was pending as an edge: else its EOI
    opens nothing.

    Violated: Pin {pin} closes, and the LAPIC that has its interrupt holds it for an edge.
    """
    vector = after.remapped_vector(pin)
    closes = after.ioapic[pin].remote_irr and not before.ioapic[pin].remote_irr
    taken = any(vector in apic.irr and apic.spiv_enabled for apic in after.apic.values())
    return not closes or not taken or any(vector in apic.irr and vector in apic.tmr for apic in after.apic.values())


@always(source="kvm.md 1.6.4, 7.6 P5, L T14, T15, T16", premise="level_eoi_given", not_for=NO_ROUTES | LEVEL_IPIS)
def level_eoi_is_told(before: Machine, after: Machine, cpu: Cpu, vector: Vector) -> bool:
    """The EOI of a level interrupt is told to userspace, whatever its route is by now, unless the vCPU that gives it has
    SPIV bit 12 set itself.

    Violated: CPU{cpu} ends the level interrupt {vector}, suppresses nothing, and userspace does not hear of it.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    ended = vector in was.isr and vector not in now.isr and vector in was.tmr and vector in now.tmr
    mine = before.irqchip_mode == IrqchipMode.SPLIT and not was.spiv_directed_eoi and not was.req_ioapic_eoi_exit
    return not ended or not mine or now.req_ioapic_eoi_exit or after.kvm_holds_eoi(vector)


@always(source="kvm.md 1.4.3, 1.2.5, L T19", premise="level_eoi_given", not_for=NO_ROUTES)
def intercepted_eoi_is_told(before: Machine, after: Machine, cpu: Cpu, vector: Vector) -> bool:
    """An EOI that KVM intercepts is told to userspace, unless the vCPU that gives it has SPIV bit 12 set itself; whether its
    LAPIC is enabled does not matter.

    Violated: KVM intercepts the EOI of vector {vector} by CPU{cpu}, which suppresses nothing, and does not tell it.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    ended = vector in was.isr and vector not in now.isr and vector in was.tmr and vector in now.tmr
    mine = before.irqchip_mode == IrqchipMode.SPLIT and not was.spiv_directed_eoi and not was.req_ioapic_eoi_exit
    told = (now.req_ioapic_eoi_exit and now.pending_ioapic_eoi == vector) or after.kvm_holds_eoi(vector)
    return not ended or not mine or vector not in was.ioapic_handled_vectors or told


@always(source="kvm.md 1.4.4, 3.4; vmm-guest.md K3", premise="disabled_bit_planted", not_for=NO_IOAPIC)
def disabled_never_suppresses(before: Machine, after: Machine, cpu: Cpu, vector: Vector) -> bool:
    """Where a VMM asked KVM not to offer suppression, every intercepted EOI is broadcast, also that of a vCPU whose SPIV bit 12
    is set (a migration stream had it, say).

    Violated: Suppression is disabled, and the EOI of vector {vector} by CPU{cpu} is suppressed.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    off = before.scope.flags == ApiFlags.BIT3 and not was.lvr_directed_eoi and not was.req_ioapic_eoi_exit
    ended = vector in was.isr and vector not in now.isr and vector in was.ioapic_handled_vectors and vector in now.tmr
    if not off or not ended or before.irqchip_mode == IrqchipMode.SPLIT:
        return not off or not ended or now.req_ioapic_eoi_exit
    sent_again = any(vector in apic.irr for apic in after.apic.values())  # its line is still high; it may have moved
    return sent_again or not any(
        rte.vector == vector and rte.trigger == Trigger.LEVEL and rte.remote_irr for rte in after.ioapic.values()
    )


@always(source="kvm.md 1.5, 7.6 P5, L T18", premise="eoi_exit", not_for=NO_ROUTES)
def eoi_exit_is_told_once(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """An EOI exit is reported if and when it was asked for, with its vector, once; routes may change meanwhile.

    Violated: CPU{cpu} was asked to report an EOI, and it reports another one, or none, or one that nobody asked for.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    told = now.exit_ioapic_eoi
    if told is None:
        return not was.req_ioapic_eoi_exit or now.req_ioapic_eoi_exit
    asked = was.req_ioapic_eoi_exit and told == was.pending_ioapic_eoi
    again = now.req_ioapic_eoi_exit and told == now.pending_ioapic_eoi
    return was.exit_ioapic_eoi is not None or (asked and not again)


@reachable(not_for=NO_PROTOCOL)
def level_outstanding(s: Machine, pin: Pin, cpu: Cpu) -> bool:
    """A level pin's interrupt is pending or in service."""
    vector = s.remapped_vector(pin)
    level = s.ioapic[pin].trigger == Trigger.LEVEL and s.guest_uses_device(pin) and s.guest_uses_cpu(cpu)
    return level and vector in s.apic[cpu].tmr and (vector in s.apic[cpu].irr or vector in s.apic[cpu].isr)


@reachable(not_for=NO_ROUTES)
def level_eoi_given(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """A level interrupt is in service on a vCPU that does not ask to suppress broadcasts."""
    apic = s.apic[cpu]
    return vector in apic.isr and vector in apic.tmr and not apic.spiv_directed_eoi


@reachable(not_for=NO_IOAPIC)
def disabled_bit_planted(s: Machine, cpu: Cpu) -> bool:
    """SPIV bit 12 is set in a VM in which suppression is disabled, while an interrupt is in service."""
    apic = s.apic[cpu]
    return (
        s.scope.flags == ApiFlags.BIT3
        and apic.spiv_directed_eoi
        and not apic.lvr_directed_eoi
        and apic.isr.highest() is not None
    )
