"""The child process: it never hangs us, it ends with us, and what goes wrong is said. And its firmware, decoded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oracles.lockstep import OracleMissing
from oracles.qemu import process, rom
from oracles.qemu.chip import Chip, ChipView, parse_view
from oracles.qemu.process import OracleFailed, QemuProcess
from oracles.qemu.system import QemuIoapic
from tests.rigs.qemu_here import VECTOR, chip_of, needs_qemu

ROOT = Path(__file__).resolve().parents[2]


def test_a_missing_qemu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROGRAM", "qemu-system-nowhere")
    with pytest.raises(OracleMissing, match="qemu-system-nowhere is not installed"):
        QemuIoapic()


def test_a_broken_qemu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROGRAM", "false")
    assert "exit 1" in str(process.why_missing())
    with pytest.raises(OracleFailed, match="ended with 1"):
        QemuProcess([])


@needs_qemu
def test_a_refused_option_is_told_in_qemus_words() -> None:
    with pytest.raises(OracleFailed, match="version 0x11 or 0x20"):
        Chip(0x12, [VECTOR])


@needs_qemu
def test_a_qemu_that_dies_is_not_a_mismatch() -> None:
    """An unknown input makes QEMU abort."""
    with chip_of(0x20) as chip, pytest.raises(OracleFailed, match="ended with -6"):
        chip.set_line(24, True)


@needs_qemu
def test_a_qemu_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.5)
    with chip_of(0x20) as chip:
        begun = time.monotonic()
        with pytest.raises(OracleFailed, match="the guest is silent"):
            chip.process.console_byte()
        assert time.monotonic() - begun < 5


@needs_qemu
def test_a_child_ends_with_its_parent() -> None:
    """Also if the parent is killed and can clean up nothing."""
    program = (
        "from oracles.qemu.chip import Chip; import os, time\n"
        "print(Chip(0x20, [65]).process._child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        assert b"qemu" in (child / "cmdline").read_bytes()
    finally:
        parent.kill()
        parent.communicate()
    deadline = time.monotonic() + 10
    while child.exists() and "Z" not in (child / "stat").read_text().split(")")[-1].split()[0]:
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.01)


def test_an_unknown_text_of_the_monitor_is_not_guessed() -> None:
    with pytest.raises(OracleFailed, match="cannot be read"):
        parse_view("ioapic0: ver=0x20\n  pin 0  0x0000000000010000 dest=0\n  IRR      (none)\n")
    pins = "".join(f"  pin {pin:<2} 0x{pin:016x} dest=0\n" for pin in range(24))
    text = f"ioapic0: ver=0x11 id=0x00\n{pins}  IRR      1 23 \n  Remote IRR (none)\n"
    assert parse_view(text) == ChipView(0x11, tuple(range(24)), 1 << 1 | 1 << 23)


# ---- firmware ----


def test_the_firmware_is_where_a_cpu_starts() -> None:
    image = rom.build([VECTOR])
    assert len(image) == 0x10000
    assert image[0xFFF0:0xFFF5] == bytes.fromhex("ea 00 00 00 f0"), "jmp f000:0000 at the reset vector"
    gates = [v for v in range(256) if image[0x100 + 8 * v : 0x108 + 8 * v] != bytes(8)]
    assert gates == [VECTOR]


def test_the_firmware_disassembled() -> None:
    """Against another program's reading of the bytes."""
    if shutil.which("objdump") is None:
        pytest.skip("objdump (binutils) is not installed")
    image = rom.build([VECTOR])
    real = _disassembled(image[0x00:0x20], "i8086")
    assert real[:5] == ["cli", "lgdtl %cs:0xe0", "mov %cr0,%eax", "or $0x1,%al", "mov %eax,%cr0"]
    assert real[5] == "ljmpl $0x8,$0xf0040"
    protected = _disassembled(image[0x40:0x80], "i386")
    assert "lidtl 0xf00e8" in protected
    assert "movl $0x1ff,0xfee000f0" in protected
    handler = _disassembled(image[0x80:0xC0], "i386")
    assert handler[:4] == ["movl $0x0,0xfee000b0", "mov $0x45,%al", "out %al,$0xe9", "iret"]


def _disassembled(code: bytes, machine: str) -> list[str]:
    descriptor = process.memory_file("code", code)
    try:
        said = subprocess.run(
            ["objdump", "-D", "-b", "binary", "-m", machine, f"/proc/self/fd/{descriptor}"],
            capture_output=True, text=True, check=True, timeout=10, pass_fds=[descriptor],
        ).stdout  # fmt: skip
    finally:
        os.close(descriptor)
    return [re.sub(r"\s+", " ", line.split("\t")[2]).strip() for line in said.splitlines() if line.count("\t") == 2]
