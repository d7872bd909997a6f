"""The table of observed behaviour (docs/facts/qemu-oracle.md, sections 1 to 3, measured by hand before the model existed).

Each row is run on the real chip and on the model. A row is words with what is seen after each: `+:11` is "the line goes
up: one message, Remote IRR 1". Words: L, LM, E, EM: the entry becomes level or edge, M: masked; V: level, the other
vector; + and -: the line; eoi, eoi1: EOI register with the first or the other vector; lapic: a local APIC's EOI.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model.machine import IoapicVersion, Trigger
from model.vmms.qemu import Qemu
from oracles.qemu.chip import LEVEL, MASKED, REMOTE_IRR, Chip, entry
from oracles.qemu.harness import bench, bench_scope
from tests.rigs.qemu_here import NOBODY, OTHER_VECTOR, PIN, VECTOR, chip_of, needs_qemu

BOTH = [
    ("L:00 +:11", "level raise"),
    ("L:00 +:11 +:01 -:01 +:01", "set 1 again, or 0 -> 1, while Remote IRR is set"),
    ("L:00 +:11 eoi1:01", "EOI of another vector"),
    ("LM:00 +:00 L:11", "masked raise, then unmask"),
    ("LM:00 +:00 -:00 L:00", "masked pulse, unmask"),
    ("L:00 +:11 LM:01", "mask while Remote IRR is set"),
    ("L:00 +:11 EM:00 LM:00 L:11", "mask+edge, mask+level, unmask with the line high"),
    ("L:00 +:11 E:10 L:00", "unmasked level -> edge: one edge message; and back"),
    ("LM:00 +:00 EM:00 -:00 E:10", "a stale latch is delivered as an edge"),
    ("EM:00 +:00 L:00 +:11", "a line raised while edge+masked is not resampled"),
    ("EM:00 +:00 E:00", "a masked edge is lost"),
    ("E:00 +:10 +:10", "edge, set 1 twice: no edge detection"),
    ("L:00 +:11 lapic:11", "LAPIC EOI with the line high"),
    ("L:00 +:11 -:01 lapic:00 +:11", "LAPIC EOI with the line low"),
]  # fmt: skip
BY_VERSION = [
    ("L:00 +:11 eoi:01", "L:00 +:11 eoi:11", "EOI register, line high"),
    ("L:00 +:11 -:01 eoi:01 +:01", "L:00 +:11 -:01 eoi:00 +:11", "EOI register, line low, next raise"),
    ("L:00 +:11 -:01 eoi:01 eoi:01", "L:00 +:11 -:01 eoi:00 eoi:00", "second EOI"),
    ("L:00 +:11 LM:01 eoi:01 L:01", "L:00 +:11 LM:01 eoi:00 L:11", "EOI register while masked, line high, unmask"),
    ("L:00 +:11 V:01 eoi:01 eoi1:01", "L:00 +:11 V:01 eoi:01 eoi1:11", "vector changed while Remote IRR is set"),
]  # fmt: skip
ROWS = [
    pytest.param(version, script, id=f"{version:#x} {title}")
    for version, rows in (
        (0x11, [(row, t) for row, t in BOTH] + [(old, t) for old, _, t in BY_VERSION]),
        (0x20, [(row, t) for row, t in BOTH] + [(new, t) for _, new, t in BY_VERSION]),
    )
    for script, title in rows
]
ENTRIES = {
    "L": (True, False, 0),
    "LM": (True, True, 0),
    "E": (False, False, 0),
    "EM": (False, True, 0),
    "V": (True, False, 1),
}


@pytest.fixture(scope="module", params=[0x11, 0x20], ids=hex)
def chip(request: pytest.FixtureRequest) -> Iterator[Chip]:
    with chip_of(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def chips() -> Iterator[dict[int, Chip]]:
    with chip_of(0x11) as old, chip_of(0x20) as new:
        yield {0x11: old, 0x20: new}


def do(chip: Chip, word: str) -> None:
    match word:
        case "+" | "-":
            chip.set_line(PIN, word == "+")
        case "eoi" | "eoi1":
            chip.write_eoi(OTHER_VECTOR if word == "eoi1" else VECTOR)
        case "lapic":
            chip.lapic_eoi(VECTOR)
        case _:
            level, masked, vector = ENTRIES[word]
            chip.write_rte(PIN, entry(OTHER_VECTOR if vector else VECTOR, NOBODY, level, masked))


@needs_qemu
@pytest.mark.parametrize(("version", "script"), ROWS)
def test_the_real_chip(chips: dict[int, Chip], version: int, script: str) -> None:
    chip = chips[version]
    chip.clear([PIN])
    for number, word in enumerate(script.split(), 1):
        what, _, seen = word.partition(":")
        do(chip, what)
        remote_irr = bool(chip.look().entries[PIN] & REMOTE_IRR)
        assert f"{len(chip.messages())}{remote_irr:d}" == seen, f"word {number} of {script}"


@pytest.mark.parametrize(("version", "script"), ROWS)
def test_the_model(version: int, script: str) -> None:
    sent = list[int]()
    model = bench()(bench_scope(IoapicVersion(version), pins=1))
    assert isinstance(model, Qemu)
    model.initial()
    model.__dict__["kvm_set_irq"] = lambda gsi, level: sent.append(gsi)
    for number, word in enumerate(script.split(), 1):
        what, _, seen = word.partition(":")
        sent.clear()
        match what:
            case "+" | "-":
                step, args = "set_line", (0, what == "+")
            case "eoi" | "eoi1":
                step, args = "write_eoi_register", (int(what == "eoi1"),)
            case "lapic":
                step, args = "eoi_exit", (0,)
            case _:
                level, masked, vector = ENTRIES[what]
                step, args = "write_rte", (0, vector, 0, Trigger.LEVEL if level else Trigger.EDGE, masked)
        getattr(model, step)(*args)
        assert f"{len(sent)}{model.ioapic[0].remote_irr:d}" == seen, f"word {number} of {script}"


# ---- what the model leaves out, and the oracle relies on ----


@needs_qemu
def test_registers(chip: Chip) -> None:
    """VER says 24 entries and the version; bits 12 and 14 of an entry are read-only; 0x03 and 0x40 are nothing."""
    version = chip.look().version
    assert chip.read_register(1) == 0x170000 | version
    assert chip.read_register(0x03) == chip.read_register(0x40) == 0
    chip.write_low(PIN, 0xFFFFFFFF)
    assert chip.read_rte(PIN) & 0xFFFFFFFF == 0xFFFFAFFF
    chip.clear([PIN])
    assert chip.read_rte(PIN) == MASKED


@needs_qemu
def test_info_pic_says_what_the_registers_say(chip: Chip) -> None:
    """`look` reads a text for people; the registers are read in another way."""
    chip.write_rte(PIN, entry(VECTOR, NOBODY, True, False))
    chip.write_rte(7, entry(OTHER_VECTOR, 2, True, True))
    chip.set_line(PIN, True)
    chip.set_line(7, True)
    view = chip.look()
    assert view.entries == tuple(chip.read_rte(pin) for pin in range(24))
    assert view.latch == 1 << PIN | 1 << 7
    assert view.version == chip.read_register(1) & 0xFF
    chip.clear([PIN, 7])
    assert chip.look().latch == 0


@needs_qemu
@pytest.mark.parametrize(
    ("command", "heard"),
    [("writeb 0xfec00040 0x41", False), ("writew 0xfec00040 0x41", False), ("writel 0xfec00040 0x141", False),
     ("writeq 0xfec00040 0x41", True), ("writel 0xfec00140 0x41", True)],
)  # fmt: skip
def test_which_writes_are_an_eoi(chip: Chip, command: str, heard: bool) -> None:
    """All 32 bits are the vector, narrower writes are nothing, and the address is decoded modulo 256: 0x20 only."""
    version = chip.look().version
    chip.clear([PIN])
    chip.write_rte(PIN, entry(VECTOR, NOBODY, True, False))
    chip.set_line(PIN, True)
    assert len(chip.messages()) == 1
    chip.process.qtest(command)
    assert len(chip.messages()) == int(heard and version == 0x20)
    chip.clear([PIN])


@needs_qemu
def test_two_pins_of_one_vector(chip: Chip) -> None:
    """One EOI opens both; the one whose line is still high is sent again at once."""
    version = chip.look().version
    chip.clear([PIN, 6])
    for pin in (PIN, 6):
        chip.write_rte(pin, entry(VECTOR, NOBODY, True, False))
        chip.set_line(pin, True)
    chip.set_line(6, False)
    assert len(chip.messages()) == 2
    chip.write_eoi(VECTOR)
    closed = [bool(chip.look().entries[pin] & REMOTE_IRR) for pin in (PIN, 6)]
    assert (len(chip.messages()), closed) == ((1, [True, False]) if version == 0x20 else (0, [True, True]))
    chip.clear([PIN, 6])


@needs_qemu
def test_remote_irr_is_not_written(chip: Chip) -> None:
    """Neither cleared by a write of 0 to bit 14 (seen in every walk), nor set by a write of 1."""
    chip.clear([PIN])
    chip.write_low(PIN, LEVEL | REMOTE_IRR | 1 << 12 | 0x71)
    assert chip.read_rte(PIN) & 0xFFFFFFFF == LEVEL | 0x71
    chip.clear([PIN])
