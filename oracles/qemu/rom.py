"""The firmware of the oracle's machine: 64 KiB, made here byte by byte. It EOIs every interrupt that CPU 0 gets.

Only a CPU can write its local APIC's EOI register, and that write is QEMU's only way into ioapic_eoi_broadcast() where
the I/O APIC has no EOI register. So there is one CPU, and it does nothing but: start, enable its local APIC, halt; on
an interrupt, write EOI, say so with one byte on the debug console, and return.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

SIZE = 0x10000
BASE = 0xF0000  # where the last 64 KiB of the firmware are seen below 1 MiB
CONSOLE = 0xE9  # isa-debugcon
SAID_READY, SAID_EOI = b"R", b"E"
_LAPIC, _SPIV, _EOI = 0xFEE00000, 0xF0, 0xB0
_CODE, _DATA = 0x08, 0x10  # selectors

_START, _PROTECTED, _HANDLER, _GDT, _GDTR, _IDTR, _IDT, _RESET = 0x0, 0x40, 0x80, 0xC0, 0xE0, 0xE8, 0x100, 0xFFF0


def _u16(value: int) -> bytes:
    return struct.pack("<H", value)


def _u32(value: int) -> bytes:
    return struct.pack("<I", value)


def _store(address: int, value: int) -> bytes:
    """mov dword [address], value (32-bit code)."""
    return b"\xc7\x05" + _u32(address) + _u32(value)


def _say(what: bytes) -> bytes:
    """mov al, what; out CONSOLE, al."""
    return b"\xb0" + what + b"\xe6" + bytes([CONSOLE])


def _real_mode() -> bytes:
    """16-bit code: protected mode, flat."""
    return b"".join([
        b"\xfa",  # cli
        b"\x66\x2e\x0f\x01\x16" + _u16(_GDTR),  # lgdt cs:[GDTR]
        b"\x0f\x20\xc0",  # mov eax, cr0
        b"\x0c\x01",  # or al, 1
        b"\x0f\x22\xc0",  # mov cr0, eax
        b"\x66\xea" + _u32(BASE + _PROTECTED) + _u16(_CODE),  # jmp CODE:PROTECTED
    ])  # fmt: skip


def _protected_mode() -> bytes:
    return b"".join([
        b"\x66\xb8" + _u16(_DATA),  # mov ax, DATA
        b"\x8e\xd8\x8e\xc0\x8e\xd0",  # mov ds, ax; mov es, ax; mov ss, ax
        b"\xbc" + _u32(0x7000),  # mov esp, 0x7000
        b"\x0f\x01\x1d" + _u32(BASE + _IDTR),  # lidt [IDTR]
        _store(_LAPIC + _SPIV, 0x1FF),  # software enable; bit 12 clear: EOIs are broadcast
        _say(SAID_READY),
        b"\xfb",  # sti
        b"\xf4\xeb\xfd",  # hlt; jmp to the hlt
    ])  # fmt: skip


def _handler() -> bytes:
    return _store(_LAPIC + _EOI, 0) + _say(SAID_EOI) + b"\xcf"  # iretd


def _gate() -> bytes:
    """An interrupt gate to the handler."""
    address = BASE + _HANDLER
    return _u16(address & 0xFFFF) + _u16(_CODE) + b"\0\x8e" + _u16(address >> 16)


def build(vectors: Sequence[int]) -> bytes:
    """The firmware image for a CPU that is sent these vectors (0x20 and above)."""
    image = bytearray(SIZE)
    gates = {_IDT + 8 * vector: _gate() for vector in vectors}
    parts = {
        _START: _real_mode(),
        _PROTECTED: _protected_mode(),
        _HANDLER: _handler(),
        _GDT: struct.pack("<QQQ", 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF),
        _GDTR: _u16(23) + _u32(BASE + _GDT),
        _IDTR: _u16(8 * 256 - 1) + _u32(BASE + _IDT),
        _RESET: b"\xea" + _u16(_START) + _u16(BASE >> 4),  # jmp F000:START
        **gates,
    }
    for offset, code in parts.items():
        assert not any(image[offset : offset + len(code)]), "two parts overlap"
        image[offset : offset + len(code)] = code
    return bytes(image)
