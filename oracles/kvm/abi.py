"""KVM's ioctls as x86-64 has them: numbers, structure layouts, field offsets (include/uapi/linux/kvm.h).

Only the standard library is needed. An ioctl that fails raises OSError with KVM's errno.
"""

from __future__ import annotations

import struct

_NONE, _WRITE, _READ = 0, 1, 2  # the direction bits of _IO, _IOW, _IOR


def ioctl_number(direction: int, number: int, size: int = 0) -> int:
    """_IOC(direction, KVMIO, number, size)."""
    return direction << 30 | size << 16 | 0xAE << 8 | number


# /dev/kvm
GET_API_VERSION = ioctl_number(_NONE, 0x00)
CREATE_VM = ioctl_number(_NONE, 0x01)
CHECK_EXTENSION = ioctl_number(_NONE, 0x03)
GET_VCPU_MMAP_SIZE = ioctl_number(_NONE, 0x04)
GET_SUPPORTED_CPUID = ioctl_number(_READ | _WRITE, 0x05, 8)

# a VM
CREATE_VCPU = ioctl_number(_NONE, 0x41)
SET_USER_MEMORY_REGION = ioctl_number(_WRITE, 0x46, 32)
CREATE_IRQCHIP = ioctl_number(_NONE, 0x60)
IRQ_LINE = ioctl_number(_WRITE, 0x61, 8)
GET_IRQCHIP = ioctl_number(_READ | _WRITE, 0x62, 520)
SET_IRQCHIP = ioctl_number(_READ, 0x63, 520)
SET_GSI_ROUTING = ioctl_number(_WRITE, 0x6A, 8)
ENABLE_CAP = ioctl_number(_WRITE, 0xA3, 104)
SIGNAL_MSI = ioctl_number(_WRITE, 0xA5, 32)
SET_IRQCHIP2 = ioctl_number(_WRITE, 0xFF, 520)  # proposed only, and never given a number: this one is free

# a vCPU
RUN = ioctl_number(_NONE, 0x80)
SET_REGS = ioctl_number(_WRITE, 0x82, 144)
GET_SREGS = ioctl_number(_READ, 0x83, 312)
SET_SREGS = ioctl_number(_WRITE, 0x84, 312)
SET_MSRS = ioctl_number(_WRITE, 0x89, 8)
GET_LAPIC = ioctl_number(_READ, 0x8E, 1024)
SET_LAPIC = ioctl_number(_WRITE, 0x8F, 1024)
SET_CPUID2 = ioctl_number(_WRITE, 0x90, 8)
GET_CPUID2 = ioctl_number(_READ | _WRITE, 0x91, 8)
GET_MP_STATE = ioctl_number(_READ, 0x98, 4)
SET_MP_STATE = ioctl_number(_WRITE, 0x99, 4)
SET_VCPU_EVENTS = ioctl_number(_WRITE, 0xA0, 64)

CAP_SPLIT_IRQCHIP = 121
CAP_X2APIC_API = 129
CAP_SPLIT_IRQCHIP_API = 244  # of the proposal of 3 October 2025
X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST = 4
X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST = 8

EXIT_IO = 2
EXIT_INTR = 10
EXIT_IOAPIC_EOI = 26
RUN_EXIT_REASON = 8  # offset in struct kvm_run
RUN_IMMEDIATE_EXIT = 1
RUN_EOI_VECTOR = 32

CHIP_IOAPIC = 2
IRQCHIP_SIZE, IOAPIC_IRR, IOAPIC_REDIRTBL = 520, 24, 32  # of struct kvm_irqchip: size, and offsets in its I/O APIC
IOAPIC_PINS = 24
IOAPIC_FIRST_RTE = 0x10  # register of the low half of the first entry
MSI_ADDRESS = 0xFEE00000
IOAPIC_ADDRESS = 0xFEC00000
ROUTE_IRQCHIP, ROUTE_MSI = 1, 2

MSR_X2APIC_EOI, MSR_X2APIC_SPIV = 0x80B, 0x80F
LAPIC_LVR, LAPIC_PPR, LAPIC_SPIV, LAPIC_ISR, LAPIC_TMR, LAPIC_IRR = 0x30, 0xA0, 0xF0, 0x100, 0x180, 0x200
LAPIC_WORD = 0x10  # between two words of a register of 256 bits
LVR_DIRECTED_EOI, SPIV_ENABLED, SPIV_DIRECTED_EOI = 1 << 24, 1 << 8, 1 << 12
APIC_BASE = 0xFEE00000 | 1 << 11  # enabled
APIC_BASE_X2APIC, APIC_BASE_BSP = 1 << 10, 1 << 8
CPUID_1_ECX_X2APIC = 1 << 21
CPUID_ENTRY = 40  # bytes of struct kvm_cpuid_entry2

# struct kvm_sregs: eight segments of 24 bytes, two descriptor tables of 16, cr0 cr2 cr3 cr4 cr8 efer apic_base
SREGS_APIC_BASE = 8 * 24 + 2 * 16 + 6 * 8
SREGS_CS, SREGS_DS = 0, 24

VALID_SMM = 8  # KVM_VCPUEVENT_VALID_SMM
EVENTS_FLAGS, EVENTS_LATCHED_INIT = 20, 27  # offsets in struct kvm_vcpu_events

RTE_REMOTE_IRR, RTE_LEVEL, RTE_MASK, RTE_DEST_SHIFT = 1 << 14, 1 << 15, 1 << 16, 56
RTE_LOWEST, RTE_LOGICAL = 1 << 8, 1 << 11


def enable_cap(cap: int, arg: int) -> bytes:
    """struct kvm_enable_cap."""
    return struct.pack("<IIQQQQ64x", cap, 0, arg, 0, 0, 0)


def memory_region(size: int, address: int) -> bytes:
    """struct kvm_userspace_memory_region: slot 0, guest physical address 0."""
    return struct.pack("<IIQQQ", 0, 0, 0, size, address)


def msr(index: int, value: int) -> bytes:
    """struct kvm_msrs with one entry."""
    return struct.pack("<IIIIQ", 1, 0, index, 0, value)


def registers(rip: int, rax: int = 0, rbx: int = 0) -> bytes:
    """struct kvm_regs: interrupts off (RFLAGS.IF is 0)."""
    return struct.pack("<18Q", rax, rbx, *[0] * 14, rip, 2)


def irq_level(gsi: int, level: bool) -> bytes:
    """struct kvm_irq_level."""
    return struct.pack("<II", gsi, level)


def message(vector: int, dest: int, level: bool, logical: bool = False, lowest: bool = False) -> tuple[int, int]:
    """(address, data) of an MSI. logical: its destination; lowest: its priority; bits 14 and 15 say level, asserted."""
    return MSI_ADDRESS | dest << 12 | logical << 2, vector | lowest << 8 | (0xC000 if level else 0)


def msi_route(gsi: int, vector: int, dest: int, level: bool, logical: bool = False, lowest: bool = False) -> bytes:
    """struct kvm_irq_routing_entry of type MSI."""
    address, data = message(vector, dest, level, logical, lowest)
    return struct.pack("<IIII IIII 16x", gsi, ROUTE_MSI, 0, 0, address, 0, data, 0)


def ioapic_route(gsi: int) -> bytes:
    """struct kvm_irq_routing_entry of the in-kernel I/O APIC's pin with the same number."""
    return struct.pack("<IIII II 24x", gsi, ROUTE_IRQCHIP, 0, 0, CHIP_IOAPIC, gsi)


def routing(entries: list[bytes]) -> bytes:
    """struct kvm_irq_routing."""
    return struct.pack("<II", len(entries), 0) + b"".join(entries)


def signal_msi(vector: int, dest: int, level: bool) -> bytes:
    """struct kvm_msi."""
    address, data = message(vector, dest, level)
    return struct.pack("<IIIII12x", address, 0, data, 0, 0)


def redirection_entry(vector: int, dest: int, level: bool, mask: bool, remote_irr: bool = False) -> int:
    """The 64 bits of an I/O APIC entry: fixed delivery, physical destination."""
    low = vector | RTE_LEVEL * level | RTE_MASK * mask | RTE_REMOTE_IRR * remote_irr
    return low | dest << RTE_DEST_SHIFT
