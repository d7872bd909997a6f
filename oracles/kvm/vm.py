"""A live VM: /dev/kvm through ioctls, each call bounded.

Guest code is a loop of `out 0x80, al`, so KVM_RUN returns after an instruction or two with KVM_EXIT_IO, unless there is
something to tell userspace before that (KVM_EXIT_IOAPIC_EOI). Interrupts are off in every vCPU. An interval timer
makes a KVM_RUN that blocks all the same return EINTR.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import signal
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from model.machine import IrqchipMode
from oracles.kvm import abi
from oracles.lockstep import OracleDied, OracleMissing

DEVICE = "/dev/kvm"
MEMORY = 0x2000
MMIO_CODE = 0x1000  # where the code of the MMIO helper lies
OUT = b"\xe6\x80"
LOOP = OUT + b"\xeb\xfc"  # out 0x80, al; jmp to it
# real mode, DS based at the I/O APIC: select register EBX, write EAX to it, then the `out`s
STORE_CODE = bytes.fromhex("66 67 89 1d 00000000  66 67 a3 10000000".replace(" ", "")) + LOOP
EOI_CODE = bytes.fromhex("66 67 a3 40000000".replace(" ", "")) + LOOP
HELPER_ID = 200
STUCK_SECONDS = 2.0


@cache
def _device() -> int:
    """A file descriptor of /dev/kvm, opened once. Raises OracleMissing with the reason."""
    try:
        fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise OracleMissing(f"{DEVICE}: {error.strerror}") from None
    try:
        fcntl.ioctl(fd, abi.GET_API_VERSION)
    except OSError:
        os.close(fd)
        raise OracleMissing(f"{DEVICE} is no KVM device") from None
    return fd


def why_missing() -> str | None:
    """Why there is no KVM to ask, or None."""
    try:
        _device()
    except OracleMissing as missing:
        return str(missing)
    return None


@cache
def _memory() -> tuple[mmap.mmap, int]:
    """Guest memory, shared by all VMs: nothing writes to it. With its address."""
    memory = mmap.mmap(-1, MEMORY)
    memory[: len(LOOP)] = LOOP
    memory[MMIO_CODE : MMIO_CODE + len(STORE_CODE)] = STORE_CODE
    memory[MMIO_CODE + 0x100 : MMIO_CODE + 0x100 + len(EOI_CODE)] = EOI_CODE
    return memory, ctypes.addressof(ctypes.c_char.from_buffer(memory))


@cache
def _supported_cpuid() -> bytes:
    return _get_cpuid(_device(), abi.GET_SUPPORTED_CPUID)


def _get_cpuid(fd: int, ioctl: int) -> bytes:
    """struct kvm_cpuid2 of /dev/kvm (what is supported) or of a vCPU (what it has)."""
    room = 256
    buffer = bytearray(struct.pack("<II", room, 0) + bytes(abi.CPUID_ENTRY * room))
    fcntl.ioctl(fd, ioctl, buffer)
    count = struct.unpack_from("<I", buffer)[0]
    return bytes(buffer[: 8 + abi.CPUID_ENTRY * count])


def _with_x2apic(cpuid: bytes, x2apic: bool) -> bytearray:
    """The same with leaf 1 ECX[21] as wanted."""
    edited = bytearray(cpuid)
    for at in range(8, len(edited), abi.CPUID_ENTRY):
        if struct.unpack_from("<I", edited, at)[0] == 1:
            ecx = struct.unpack_from("<I", edited, at + 20)[0] & ~abi.CPUID_1_ECX_X2APIC
            struct.pack_into("<I", edited, at + 20, ecx | abi.CPUID_1_ECX_X2APIC * x2apic)
    return edited


@cache
def description() -> str:
    """Kernel release, KVM's vendor module and machine. Raises OracleMissing."""
    _device()
    modules = sorted(p.name for p in Path("/sys/module").glob("kvm_*"))
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?"
    )  # fmt: skip
    return f"Linux {platform.release()}, {' '.join(modules) or 'kvm'}, {platform.machine()} ({model})"


def check_extension(cap: int, fd: int | None = None) -> int:
    """KVM_CHECK_EXTENSION on the system fd or on a VM's."""
    return fcntl.ioctl(_device() if fd is None else fd, abi.CHECK_EXTENSION, cap)


@contextmanager
def bounded() -> Iterator[None]:
    """Make a KVM_RUN that blocks return EINTR, by a timer. In the main thread, and where nobody else uses the timer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ignore)
    signal.setitimer(signal.ITIMER_REAL, STUCK_SECONDS / 2, STUCK_SECONDS / 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ignore(*_: object) -> None:
    """A handler, so that the signal interrupts."""


class Vcpu:
    """One vCPU. `ran`: KVM_RUN has entered the guest, after which KVM refuses another CPUID."""

    def __init__(self, vm: int, number: int, has_lapic: bool) -> None:
        """Raises OSError as KVM_CREATE_VCPU. With a LAPIC it is in x2APIC mode, whatever CPUID says, so that MSRs
        reach it."""
        self.fd = fcntl.ioctl(vm, abi.CREATE_VCPU, number)
        self.ran = False
        self.bsp = number == 0
        self.has_lapic = has_lapic
        size = fcntl.ioctl(_device(), abi.GET_VCPU_MMAP_SIZE, 0)
        self.run_page = mmap.mmap(self.fd, size)
        sregs = bytearray(312)
        fcntl.ioctl(self.fd, abi.GET_SREGS, sregs)
        for segment in range(6):
            struct.pack_into("<QIH", sregs, 24 * segment, 0, 0xFFFFFFFF if segment == 1 else 0xFFFF, 0)
        if has_lapic:  # with X2APIC in CPUID for a moment; no KVM_RUN yet, so CPUID can change again
            self.set_cpuid(True)
            base = abi.APIC_BASE | abi.APIC_BASE_X2APIC | abi.APIC_BASE_BSP * self.bsp
            struct.pack_into("<Q", sregs, abi.SREGS_APIC_BASE, base)
        self.sregs = bytes(sregs)
        self.set_registers()
        self.set_cpuid(False)

    def close(self) -> None:
        self.run_page.close()
        os.close(self.fd)

    def set_registers(self) -> None:
        """Real mode, at address 0, able to run."""
        fcntl.ioctl(self.fd, abi.SET_SREGS, self.sregs)
        fcntl.ioctl(self.fd, abi.SET_REGS, abi.registers(0))
        fcntl.ioctl(self.fd, abi.SET_MP_STATE, struct.pack("<I", 0))

    def set_cpuid(self, x2apic: bool) -> None:
        """KVM_SET_CPUID2. After the first KVM_RUN of what KVM_GET_CPUID2 returns: kvm_pvm adds the host's features."""
        cpuid = _get_cpuid(self.fd, abi.GET_CPUID2) if self.ran else _supported_cpuid()
        fcntl.ioctl(self.fd, abi.SET_CPUID2, _with_x2apic(cpuid, x2apic))

    def run(self) -> tuple[int, int]:
        """KVM_RUN until it says something: (exit reason, vector of an EOI exit). Raises OracleDied if it blocks."""
        for _ in range(4):
            try:
                with bounded():
                    fcntl.ioctl(self.fd, abi.RUN, 0)
            except OSError as error:
                if error.errno != errno.EINTR:
                    raise OracleDied(f"KVM_RUN: {error.strerror}") from None
                continue
            self.ran = True
            reason = struct.unpack_from("<I", self.run_page, abi.RUN_EXIT_REASON)[0]
            vector = self.run_page[abi.RUN_EOI_VECTOR] if reason == abi.EXIT_IOAPIC_EOI else 0
            return reason, vector
        raise OracleDied("KVM_RUN did not return")

    def get_lapic(self) -> bytearray:
        page = bytearray(1024)
        fcntl.ioctl(self.fd, abi.GET_LAPIC, page)
        return page

    def set_lapic(self, page: bytes | bytearray) -> None:
        fcntl.ioctl(self.fd, abi.SET_LAPIC, bytes(page))

    def edit_lapic(self, words: Mapping[int, int]) -> None:
        """KVM_SET_LAPIC of what KVM_GET_LAPIC gives, with these words (offset -> value) instead."""
        page = self.get_lapic()
        for offset, value in words.items():
            struct.pack_into("<I", page, offset, value)
        self.set_lapic(page)

    def write_x2apic(self, index: int, value: int) -> None:
        """KVM_SET_MSRS: an x2APIC register, through the same code as a guest's write. Without a LAPIC it goes to userspace.
        Raises OracleDied if KVM did not take it."""
        buffer = bytearray(abi.msr(index, value))
        if self.has_lapic and fcntl.ioctl(self.fd, abi.SET_MSRS, buffer) != 1:
            raise OracleDied(f"KVM_SET_MSRS refused MSR {index:#x}")

    def init(self) -> None:
        """INIT: latched as the SMM state has it, and accepted as KVM_GET_MP_STATE does; then ready to run again."""
        events = bytearray(64)
        struct.pack_into("<I", events, abi.EVENTS_FLAGS, abi.VALID_SMM)
        events[abi.EVENTS_LATCHED_INIT] = 1
        fcntl.ioctl(self.fd, abi.SET_VCPU_EVENTS, bytes(events))
        fcntl.ioctl(self.fd, abi.GET_MP_STATE, bytearray(4))
        self.set_registers()


class Vm:
    """One VM. Every method is one ioctl; errors are KVM's OSError."""

    def __init__(self) -> None:
        self.fd = fcntl.ioctl(_device(), abi.CREATE_VM, 0)
        memory, address = _memory()
        fcntl.ioctl(self.fd, abi.SET_USER_MEMORY_REGION, abi.memory_region(len(memory), address))
        self.vcpus: dict[int, Vcpu] = {}
        self.helper: Vcpu | None = None

    def close(self) -> None:
        for vcpu in [*self.vcpus.values(), *([self.helper] if self.helper else [])]:
            vcpu.close()
        os.close(self.fd)

    def call(self, number: int, argument: bytes | int = 0) -> None:
        big = isinstance(argument, bytes) and len(argument) > 1024  # fcntl takes no longer bytes, but a buffer
        fcntl.ioctl(self.fd, number, bytearray(argument) if big else argument)

    def create_vcpu(self, number: int, has_lapic: bool) -> None:
        self.vcpus[number] = Vcpu(self.fd, number, has_lapic)

    def create_helper(self) -> None:
        """A vCPU that no interrupt is sent to: its guest code writes to the in-kernel I/O APIC."""
        self.helper = Vcpu(self.fd, HELPER_ID, has_lapic=True)
        sregs = bytearray(self.helper.sregs)
        struct.pack_into("<Q", sregs, abi.SREGS_DS, abi.IOAPIC_ADDRESS)
        self.helper.sregs = bytes(sregs)
        self.helper.set_registers()

    def write_ioapic(self, register: int, value: int) -> None:
        """Guest code on the helper selects a register of the in-kernel I/O APIC and writes to it."""
        self._run_helper(MMIO_CODE, register, value)

    def write_ioapic_eoi(self, vector: int) -> None:
        """Guest code on the helper writes to offset 0x40."""
        self._run_helper(MMIO_CODE + 0x100, 0, vector)

    def _run_helper(self, code: int, register: int, value: int) -> None:
        assert self.helper is not None
        fcntl.ioctl(self.helper.fd, abi.SET_REGS, abi.registers(code, value, register))
        reason, _ = self.helper.run()
        if reason != abi.EXIT_IO:
            raise OracleDied(f"guest code that writes to the I/O APIC ended with exit reason {reason}")

    def get_ioapic(self) -> bytearray:
        """struct kvm_irqchip of the I/O APIC. Raises OSError (ENXIO)."""
        chip = bytearray(abi.IRQCHIP_SIZE)
        struct.pack_into("<I", chip, 0, abi.CHIP_IOAPIC)
        fcntl.ioctl(self.fd, abi.GET_IRQCHIP, chip)
        return chip

    def irqchip_mode(self) -> IrqchipMode:
        """As two ioctls tell: KVM_GET_IRQCHIP needs an I/O APIC in the kernel, KVM_IRQ_LINE any irqchip."""
        try:
            self.get_ioapic()
            return IrqchipMode.KERNEL
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        try:
            self.call(abi.IRQ_LINE, abi.irq_level(abi.IOAPIC_PINS + 1, False))  # a GSI that nothing listens to
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return IrqchipMode.NONE
        return IrqchipMode.SPLIT

    def check_extension(self, cap: int) -> int:
        return check_extension(cap, self.fd)
