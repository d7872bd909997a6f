"""The I/O APIC of one QEMU process: everything that can be done to it, and everything that can be seen of it.

How each access reaches QEMU's functions (hw/intc/ioapic.c):
  set_line     qtest set_irq_in on the I/O APIC's input: ioapic_set_irq() is its handler
  write_rte    qtest writel to IOREGSEL and IOWIN: ioapic_mem_write()
  write_eoi    qtest writel to offset 0x40: ioapic_mem_write(), which has the register in version 0x20 only
  lapic_eoi    qtest writes a level MSI for CPU 0; its handler (rom.py) EOIs its local APIC: apic_eoi() calls
               ioapic_eoi_broadcast(). The trace is checked for that.
  look         QMP human-monitor-command `info pic`: version, all 24 entries with Remote IRR, and the input latch
  messages     trace event apic_deliver_irq. Entries are addressed to APIC IDs that no CPU has, so that nobody takes
               a message, and none comes between two steps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from oracles.qemu import rom
from oracles.qemu.process import OracleFailed, QemuProcess, memory_file

PINS = 24
RESET_ENTRY = 0x10000
MASKED, LEVEL, REMOTE_IRR = 1 << 16, 1 << 15, 1 << 14
MACHINE = "q35,pit=off,hpet=off"  # a timer would move input 0
_INPUT = "/machine/q35/ioapic unnamed-gpio-in"
_IOREGSEL, _IOWIN, _EOI, _MSI = 0xFEC00000, 0xFEC00010, 0xFEC00040, 0xFEE00000
_EVENTS = ("apic_deliver_irq", "ioapic_eoi_broadcast", "ioapic_eoi_delayed_reassert")
_ENTRY = re.compile(r"^  pin \d+ +0x([0-9a-f]{16}) ", re.MULTILINE)
_LATCH = re.compile(r"^  IRR +([\d ]+|\(none\))", re.MULTILINE)
_VERSION = re.compile(r"^ioapic0: ver=0x([0-9a-f]+)", re.MULTILINE)
_MESSAGE = re.compile(r"apic_deliver_irq dest (\d+) dest_mode 0 delivery_mode 0 vector (\d+) trigger_mode (\d)")


@dataclass(frozen=True)
class Message:
    """An interrupt message that the I/O APIC sent."""

    dest: int
    vector: int
    level: bool


@dataclass(frozen=True)
class ChipView:
    """What `info pic` shows. entries: 64 bits each, by pin; latch: one bit per pin."""

    version: int
    entries: tuple[int, ...]
    latch: int


def parse_view(text: str) -> ChipView:
    """Raises OracleFailed if the text is not what QEMU 7.2 prints."""
    version, latch, entries = _VERSION.search(text), _LATCH.search(text), _ENTRY.findall(text)
    if version is None or latch is None or len(entries) != PINS:
        raise OracleFailed(f"`info pic` cannot be read: {text[:200]!r}")
    pins = () if latch[1].startswith("(") else map(int, latch[1].split())
    return ChipView(int(version[1], 16), tuple(int(e, 16) for e in entries), sum(1 << pin for pin in pins))


def entry(vector: int, dest: int, level: bool, masked: bool) -> int:
    """A redirection entry: fixed delivery, physical destination."""
    return dest << 56 | masked << 16 | level << 15 | vector


class Chip:
    """A started process. Close it when done; every method may raise OracleFailed."""

    def __init__(
        self, version: int, vectors: Sequence[int], *, options: Sequence[str] = (), inherited: Sequence[int] = (),
        boots: bool = True,
    ) -> None:  # fmt: skip
        """`vectors`: those that `lapic_eoi` is used for; boots=False: `options` bring a CPU 0 that has booted."""
        firmware = memory_file("firmware", rom.build(vectors))
        arguments = [
            "-nodefaults", "-no-user-config", "-display", "none", "-machine", MACHINE, "-accel", "tcg", "-m", "2M",
            "-global", f"ioapic.version={version:#x}", "-bios", f"/dev/fd/{firmware}",
            *(word for event in _EVENTS for word in ("-trace", event)), *options,
        ]  # fmt: skip
        try:
            self.process = QemuProcess(arguments, [firmware, *inherited])
        finally:
            os.close(firmware)
        self._lines: list[str] = []
        try:
            if boots:
                self._expect(rom.SAID_READY)
            self.happened()  # before its reset, the chip sends a message or two
        except OracleFailed:
            self.close()
            raise

    def close(self) -> None:
        self.process.close()

    def _expect(self, byte: bytes) -> None:
        said = self.process.console_byte()
        if said != byte:
            raise OracleFailed(f"the guest says {said!r}, not {byte!r}")

    # --- what is done to it ---

    def set_line(self, pin: int, level: bool) -> None:
        self.process.qtest(f"set_irq_in {_INPUT} {pin} {int(level)}")

    def write_low(self, pin: int, value: int) -> None:
        self.process.qtest(f"writel {_IOREGSEL:#x} {0x10 + 2 * pin:#x}", f"writel {_IOWIN:#x} {value & 0xFFFFFFFF:#x}")

    def write_high(self, pin: int, value: int) -> None:
        self.process.qtest(f"writel {_IOREGSEL:#x} {0x11 + 2 * pin:#x}", f"writel {_IOWIN:#x} {value >> 32:#x}")

    def write_rte(self, pin: int, value: int, *, moves: bool = True) -> None:
        """Both halves, the destination first; the low half alone if the destination stays (moves=False)."""
        if moves:
            self.write_high(pin, value)
        self.write_low(pin, value)

    def write_eoi(self, vector: int, times: int = 1) -> None:
        self.process.qtest(*[f"writel {_EOI:#x} {vector:#x}"] * times)

    def lapic_eoi(self, vector: int) -> None:
        """CPU 0 takes a level-triggered interrupt with this vector and EOIs it at its local APIC."""
        self._sort_trace()
        self.process.qtest(f"writel {_MSI:#x} {LEVEL | REMOTE_IRR | vector:#x}")  # bit 14 of a message: assert
        self._expect(rom.SAID_EOI)
        lines = self.process.trace()
        wanted = [f"apic_deliver_irq dest 0 dest_mode 0 delivery_mode 0 vector {vector} trigger_mode 1",
                  f"ioapic_eoi_broadcast EOI broadcast for vector {vector}"]  # fmt: skip
        if lines[:2] != wanted:
            raise OracleFailed(f"the EOI of CPU 0 was not broadcast: {lines}")
        self._lines += lines[2:]

    # --- what is seen of it ---

    def look(self) -> ChipView:
        return parse_view(self.process.monitor("info pic"))

    def read_register(self, index: int) -> int:
        return int(self.process.qtest(f"writel {_IOREGSEL:#x} {index:#x}", f"readl {_IOWIN:#x}")[1], 16)

    def read_rte(self, pin: int) -> int:
        """As the guest reads it: two halves."""
        return self.read_register(0x10 + 2 * pin) | self.read_register(0x11 + 2 * pin) << 32

    def _sort_trace(self) -> None:
        self._lines += self.process.trace()

    def happened(self) -> list[str]:
        """The trace since the last call of this or of `messages`."""
        self._sort_trace()
        lines, self._lines = self._lines, []
        return lines

    def messages(self) -> tuple[Message, ...]:
        """What the I/O APIC sent since the last call, in order."""
        found = []
        for line in self.happened():
            message = _MESSAGE.fullmatch(line)
            if message is not None:
                found.append(Message(int(message[1]), int(message[2]), message[3] == "1"))
            elif line.startswith("apic_deliver_irq"):
                raise OracleFailed(f"a message that no entry here can send: {line}")
            elif not line.startswith("ioapic_eoi_"):
                raise OracleFailed(f"{line!r} is on stderr")
        return tuple(found)

    def clear(self, pins: Sequence[int]) -> None:
        """Every line low, every latch and entry as at reset. Level first: only its latch follows the line."""
        for pin in pins:
            self.write_rte(pin, LEVEL | MASKED)
            self.set_line(pin, False)
            self.write_rte(pin, RESET_ENTRY)
        self.happened()
