"""What a redirection table entry says, and what the I/O APIC does about it."""

from __future__ import annotations

from model.guests.linux_affinity import LinuxMovesInService
from model.lang import Promise, always, reachable
from model.lines import KernelResample, ToldAgain
from model.machine import Cpu, Machine, Pin, Trigger, Vector
from model.vmms.qemu_migrated import QemuKernelMigrated
from properties.eoi import LEVEL_IPIS, NO_IOAPIC
from properties.level import TAKEN

TOLD_AGAIN: dict[type, str] = {ToldAgain: "asked only of the device that says again that its line is high"}
RESAMPLES: dict[type, str] = {KernelResample: "asked only of devices behind resampling irqfds of the kernel"}
REPLAYS: dict[Promise, str] = {
    lambda system: issubclass(
        system, QemuKernelMigrated
    ): "KVM_SET_IRQCHIP sends what is latched, and a resampler's line is until its EOI"
}
HALVES: dict[type, str] = {LinuxMovesInService: "asked only of the guest that writes the high half of an entry alone"}
MIGRATED: dict[type, str] = {QemuKernelMigrated: "asked only of a VMM that loads an in-kernel I/O APIC from a stream"}
BY_ENTRY: dict[Promise, str] = {
    lambda system: bool(system.has_modes): "a logical destination is no vCPU",
    **LEVEL_IPIS,
    **TAKEN,
}
BY_LINE: dict[Promise, str] = {
    lambda system: bool(
        system.passes_ioapic_by
    ): "a resampling irqfd sends past the I/O APIC, whose line stays low (Q19)",
    **TAKEN,
}


@always(source="82093AA 3.2.4; message of 0fc5a36dd6b3", premise="entry_moved", only_for=HALVES)
def entry_is_as_written(s: LinuxMovesInService, pin: Pin) -> bool:
    """An entry's destination is what was last written to it, also where only its high half was.

    Violated: The guest has moved pin {pin} to another CPU, and the entry does not name it.
    """
    return s.ioapic[pin].dest == s.written_dest[pin]


@always(source="82093AA 3.2.4; vmm-guest.md V-CR3, L9", premise="remote_irr_set", not_for=BY_ENTRY)
def sent_where_its_entry_says(before: Machine, after: Machine, pin: Pin, cpu: Cpu) -> bool:
    """The message of a level pin goes to the vCPU that its entry names.

    Violated: Pin {pin} closes, and its message goes to CPU{cpu}, which its entry does not name.
    """
    vector = after.remapped_vector(pin)
    closes = after.ioapic[pin].remote_irr and not before.ioapic[pin].remote_irr
    takes = vector in after.apic[cpu].irr and vector not in before.apic[cpu].irr
    return not closes or not takes or after.ioapic[pin].dest == cpu


@always(source="82093AA 3.2.4; kvm.md B11", premise="remote_irr_set", not_for=BY_LINE)
def closes_for_a_high_line(before: Machine, after: Machine, pin: Pin) -> bool:
    """A level pin is sent only while its line is high.

    Violated: Pin {pin} is sent and closes, and its line is low.
    """
    rte = after.ioapic[pin]
    closes = rte.remote_irr and not before.ioapic[pin].remote_irr and rte.trigger == Trigger.LEVEL
    return not closes or rte.irr or after.raised[pin]


@always(source="82093AA 3.2.4; arch/x86/kvm/ioapic.c, ioapic_set_irq()", premise="told_again", only_for=TOLD_AGAIN)
def told_again_is_sent(before: ToldAgain, after: ToldAgain, pin: Pin) -> bool:
    """A level pin that hears again that its line is high sends its interrupt, if it is open and a LAPIC takes it. (What was sent
    before, no LAPIC took.)

    Violated: Pin {pin} is open and hears again that its line is high, and sends nothing.
    """
    rte = before.ioapic[pin]
    told = after.second[pin] and not before.second[pin]
    ready = before.apic[rte.dest].spiv_enabled and not rte.mask and rte.trigger == Trigger.LEVEL
    return not told or not ready or after.ioapic[pin].remote_irr


@reachable(only_for=TOLD_AGAIN)
def told_again(s: ToldAgain, pin: Pin) -> bool:
    """The line of an open level pin is high, and its device may say so again."""
    rte = s.ioapic[pin]
    ready = s.apic[rte.dest].spiv_enabled and not rte.mask and rte.trigger == Trigger.LEVEL
    return s.raised[pin] and not s.second[pin] and ready and not rte.remote_irr


@reachable(only_for=HALVES)
def entry_moved(s: LinuxMovesInService, pin: Pin, cpu: Cpu) -> bool:
    """The guest has moved an interrupt whose message a LAPIC has."""
    vector = s.ioapic[pin].vector
    return s.written_dest[pin] != cpu and (vector in s.apic[cpu].irr or vector in s.apic[cpu].isr)


@always(
    source="virt/kvm/eventfd.c, irqfd_resampler_ack(); message of c806a6ad35bf",
    premise="held_for_nobody",
    only_for=RESAMPLES,
)
def resampler_hears_each_eoi(before: KernelResample, after: KernelResample, pin: Pin, cpu: Cpu) -> bool:
    """Every EOI of a pin's vector that KVM looks at goes to who waits for it, that of an edge and a suppressed one, too: a line
    that KVM holds high for a device that wants nothing is low from then on.

    Violated: CPU{cpu} ends the interrupt of pin {pin}, and KVM goes on holding the line high, though its device wants nothing.
    """
    vector = before.ioapic[pin].vector
    apic = before.apic[cpu]
    ended = vector in apic.isr and vector not in after.apic[cpu].isr and vector in apic.ioapic_handled_vectors
    return not ended or not after.ioapic[pin].irr or after.raised[pin]


@always(
    source="virt/kvm/eventfd.c, irqfd_resampler_ack(); message of fef8f2b90edb",
    premise="held_for_nobody",
    only_for=RESAMPLES,
)
def resampler_waits_for_an_eoi(before: KernelResample, after: KernelResample, pin: Pin) -> bool:
    """Who waits for the EOIs of a pin is told of one, or as the pin is unmasked and open with its line high; until then KVM
    holds the line high.

    Violated: KVM lets the line of pin {pin} fall, although nobody has ended its interrupt, and the pin is masked or closed.
    """
    rte = after.ioapic[pin]
    lowered = before.ioapic[pin].irr and not rte.irr
    ended = any(rte.vector in apic.isr and rte.vector not in after.apic[cpu].isr for cpu, apic in before.apic.items())
    return not lowered or ended or not (rte.mask or before.ioapic[pin].remote_irr)


@reachable(only_for=RESAMPLES)
def held_for_nobody(s: KernelResample, pin: Pin) -> bool:
    """KVM holds a line high, and its device was serviced."""
    return s.ioapic[pin].irr and not s.raised[pin]


@always(source="kvm.md 2.7; arch/x86/kvm/ioapic.c, kvm_set_ioapic()", premise="closed_and_migrated", only_for=MIGRATED)
def image_is_loaded(before: QemuKernelMigrated, after: QemuKernelMigrated, pin: Pin) -> bool:
    """After KVM_SET_IRQCHIP an entry, with its Remote IRR and its latch, is what KVM_GET_IRQCHIP returned on the source; but a
    latch may have closed its pin, as it is sent.

    Violated: Pin {pin} is not after KVM_SET_IRQCHIP what it was on the source.
    """
    if before.migrated or not after.migrated:
        return True
    was = before.ioapic[pin]
    now = after.ioapic[pin]
    entry = was.vector == now.vector and was.dest == now.dest and was.trigger == now.trigger and was.mask == now.mask
    closes_again = was.irr and now.remote_irr
    return entry and was.irr == now.irr and (was.remote_irr == now.remote_irr or closes_again)


@reachable(only_for=MIGRATED)
def closed_and_migrated(s: QemuKernelMigrated, pin: Pin) -> bool:
    """The VM was migrated, and a pin is closed."""
    return s.migrated and s.ioapic[pin].remote_irr


@always(source="82093AA 3.2.4; vmm-guest.md H4, L9", premise="pin_masked", not_for=BY_ENTRY | BY_LINE | NO_IOAPIC)
def masked_pin_sends_nothing(before: Machine, after: Machine, cpu: Cpu, vector: Vector) -> bool:
    """A level pin sends its vector only while it is not masked. (An edge may be an IPI.)

    Violated: CPU{cpu} gets the level interrupt {vector}, and every pin that has it is masked.
    """
    now = after.apic[cpu]
    sent = vector in now.irr and vector not in before.apic[cpu].irr and vector in now.tmr
    return not sent or any(
        after.remapped_vector(pin) == vector and not (rte.mask and before.ioapic[pin].mask)
        for pin, rte in after.ioapic.items()
    )


@reachable(not_for=NO_IOAPIC)
def pin_masked(s: Machine, pin: Pin) -> bool:
    """The device on a masked pin wants service."""
    return s.ioapic[pin].mask and s.raised[pin]
