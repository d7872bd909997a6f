"""What the guest and the VMM can tell of a machine: the steps that they take, and what each can read at any moment.

`eoi nfc` compares two designs by this and by nothing else. What is not here is KVM's own (bitmaps of vectors, requests,
slots, whether a vCPU is in guest code) or a device's, and shows in what follows from it.

Each reading is a formula over the whole machine. Its docstring says what is read when it is true.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.lang import Property, reachable
from model.machine import Cpu, Errno, IoapicVersion, Machine, Pin, Trigger, Vector

# --- registers of the local APIC, which the guest reads ---


@reachable()
def cpuid_has_x2apic(s: Machine, cpu: Cpu) -> bool:
    """CPUID.1:ECX[21] of CPU{cpu} is set"""
    return s.apic[cpu].cpuid_x2apic


@reachable()
def lvr_offers_suppression(s: Machine, cpu: Cpu) -> bool:
    """LVR bit 24 of CPU{cpu} is set"""
    return s.apic[cpu].lvr_directed_eoi


@reachable()
def spiv_enables(s: Machine, cpu: Cpu) -> bool:
    """SPIV bit 8 of CPU{cpu} is set"""
    return s.apic[cpu].spiv_enabled


@reachable()
def spiv_suppresses(s: Machine, cpu: Cpu) -> bool:
    """SPIV bit 12 of CPU{cpu} is set"""
    return s.apic[cpu].spiv_directed_eoi


@reachable()
def irr_has(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """IRR of CPU{cpu} has vector {vector}"""
    return vector in s.apic[cpu].irr


@reachable()
def isr_has(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """ISR of CPU{cpu} has vector {vector}"""
    return vector in s.apic[cpu].isr


@reachable()
def tmr_has(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """TMR of CPU{cpu} has vector {vector}"""
    return vector in s.apic[cpu].tmr


# --- registers of the I/O APIC, which the guest reads whoever emulates it ---


@reachable()
def version_register_reads(s: Machine, version: IoapicVersion) -> bool:
    """the I/O APIC's version register reads {version}"""
    return s.ioapic_version() == version


@reachable()
def entry_has_vector(s: Machine, pin: Pin, vector: Vector) -> bool:
    """the entry of pin {pin} has vector {vector}"""
    return s.ioapic[pin].vector == vector


@reachable()
def entry_goes_to(s: Machine, pin: Pin, cpu: Cpu) -> bool:
    """the entry of pin {pin} goes to CPU{cpu}"""
    return s.ioapic[pin].dest == cpu


@reachable()
def entry_is_level(s: Machine, pin: Pin) -> bool:
    """the entry of pin {pin} is level-triggered"""
    return s.ioapic[pin].trigger == Trigger.LEVEL


@reachable()
def entry_is_masked(s: Machine, pin: Pin) -> bool:
    """the entry of pin {pin} is masked"""
    return s.ioapic[pin].mask


@reachable()
def entry_has_remote_irr(s: Machine, pin: Pin) -> bool:
    """Remote IRR of pin {pin} is set"""
    return s.ioapic[pin].remote_irr


# --- the device's own registers: the driver reads them, and the VMM makes them ---


@reachable()
def device_wants_service(s: Machine, pin: Pin) -> bool:
    """the device on pin {pin} wants service"""
    return s.raised[pin]


# --- what KVM tells the VMM ---


@reachable()
def ioctl_returns(s: Machine, errno: Errno) -> bool:
    """the last ioctl returned {errno}"""
    return s.errno == errno


@reachable()
def run_exits_for_eoi(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """KVM_RUN of CPU{cpu} returned KVM_EXIT_IOAPIC_EOI of vector {vector}"""
    return s.apic[cpu].exit_ioapic_eoi == vector


# --- the VMM's memory, where the I/O APIC is its own ---


@reachable()
def vmm_entry_has_vector(s: Machine, pin: Pin, vector: Vector) -> bool:
    """the VMM's entry of pin {pin} has vector {vector}"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].vector == vector


@reachable()
def vmm_entry_goes_to(s: Machine, pin: Pin, cpu: Cpu) -> bool:
    """the VMM's entry of pin {pin} goes to CPU{cpu}"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].dest == cpu


@reachable()
def vmm_entry_is_level(s: Machine, pin: Pin) -> bool:
    """the VMM's entry of pin {pin} is level-triggered"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].trigger == Trigger.LEVEL


@reachable()
def vmm_entry_is_masked(s: Machine, pin: Pin) -> bool:
    """the VMM's entry of pin {pin} is masked"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].mask


@reachable()
def vmm_entry_has_remote_irr(s: Machine, pin: Pin) -> bool:
    """the VMM's Remote IRR of pin {pin} is set"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].remote_irr


@reachable()
def vmm_latch_is_set(s: Machine, pin: Pin) -> bool:
    """the VMM's input latch of pin {pin} is set"""
    return not s.ioapic_in_kernel() and s.ioapic[pin].irr


@dataclass(frozen=True)
class Observer:
    """Who looks. role: whose part it plays, whose fields are its memory; by: the actor of the steps that it takes itself, which
    it sees as they are; any other step it sees by what it then reads, and not at all if that stays as it was."""

    role: str
    by: str
    reads: tuple[Property, ...]


GUEST = Observer(
    role="guest", by="guest",
    reads=(
        cpuid_has_x2apic, lvr_offers_suppression, spiv_enables, spiv_suppresses, irr_has, isr_has, tmr_has,
        version_register_reads, entry_has_vector, entry_goes_to, entry_is_level, entry_is_masked, entry_has_remote_irr,
        device_wants_service,
    ),
)  # fmt: skip

# Not KVM_GET_LAPIC and KVM_GET_IRQCHIP: what they return is the guest's, and a VMM that only passes it on does not read it.
VMM = Observer(
    role="vmm", by="VMM",
    reads=(
        ioctl_returns, run_exits_for_eoi, device_wants_service, vmm_entry_has_vector, vmm_entry_goes_to,
        vmm_entry_is_level, vmm_entry_is_masked, vmm_entry_has_remote_irr, vmm_latch_is_set,
    ),
)  # fmt: skip

OBSERVERS: dict[str, tuple[Observer, ...]] = {"guest": (GUEST,), "vmm": (VMM,), "both": (GUEST, VMM)}
