"""Time, snapshots and migration of a real I/O APIC: what the model says, and QEMU's own 10,000 and 10 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from model.lang import Design
from model.machine import IoapicVersion
from model.migration import Migrating, Operation
from oracles.cover import cover, space
from oracles.qemu import moves
from oracles.qemu.chip import REMOTE_IRR, Chip, Message, entry
from oracles.qemu.harness import bench, bench_scope, moving_bench, moving_scope
from oracles.qemu.system import THROTTLED_AT, QemuIoapic
from oracles.walk import Subject, random_walks
from tests.rigs.qemu_here import NOBODY, OTHER_VECTOR, PIN, VECTOR, chip_of, needs_qemu

pytestmark = needs_qemu
V11, V20 = IoapicVersion.V11, IoapicVersion.V20
SENT = (Message(NOBODY, VECTOR, True),)


@pytest.fixture(scope="module")
def real() -> Iterator[QemuIoapic]:
    system = QemuIoapic()
    yield system
    system.close()


def closed_pin(chip: Chip) -> None:
    """A level pin whose line is high, sent and not EOIed."""
    chip.write_rte(PIN, entry(VECTOR, NOBODY, True, False))
    chip.set_line(PIN, True)
    assert chip.messages() == SENT


def is_closed(chip: Chip) -> bool:
    return bool(chip.look().entries[PIN] & REMOTE_IRR)


# ---- the throttle ----


def test_the_10000th_eoi_of_0x20_is_delayed() -> None:
    """The count is of EOIs in a row; the machine is stopped, so its 10 ms pass when we say so."""
    with chip_of(0x20) as chip:
        chip.process.qmp("stop")
        closed_pin(chip)
        chip.write_eoi(VECTOR, THROTTLED_AT - 1)
        assert chip.messages() == SENT * (THROTTLED_AT - 1)
        chip.write_eoi(VECTOR)
        assert (chip.messages(), is_closed(chip), chip.look().latch) == ((), False, 1 << PIN)
        moves.let_time_pass(chip)
        assert (chip.messages(), is_closed(chip)) == (SENT, True)


def test_the_10000th_eoi_of_0x11_is_delayed() -> None:
    """The EOIs are a CPU's, so the machine runs and the timer's 10 ms pass by themselves."""
    with chip_of(0x11) as chip:
        closed_pin(chip)
        for _ in range(THROTTLED_AT - 1):
            chip.lapic_eoi(VECTOR)
        assert chip.messages() == SENT * (THROTTLED_AT - 1)
        chip.lapic_eoi(VECTOR)
        lines = chip.happened()
        assert lines[0].startswith("ioapic_eoi_delayed_reassert")
        time.sleep(3 * moves.THROTTLE_SECONDS)
        lines += chip.happened()
        assert [line for line in lines[1:] if line.startswith("apic_deliver_irq")] == lines[1:]
        assert len(lines) == 2


def test_an_entry_write_sets_the_count_back() -> None:
    with chip_of(0x20) as chip:
        chip.process.qmp("stop")
        closed_pin(chip)
        chip.write_eoi(VECTOR, THROTTLED_AT - 1)
        chip.write_low(PIN, entry(VECTOR, NOBODY, True, False))
        chip.happened()
        chip.write_eoi(VECTOR)
        assert chip.messages() == SENT


def test_the_first_half_of_a_write_sends_what_is_due() -> None:
    """Where a message waits for the timer, writing the destination alone sends it, with the old vector. The model
    writes an entry at once: QemuIoapic.differences."""
    with chip_of(0x20) as chip:
        chip.process.qmp("stop")
        closed_pin(chip)
        chip.write_eoi(VECTOR, THROTTLED_AT)
        chip.happened()
        chip.write_high(PIN, entry(OTHER_VECTOR, 2, True, False))
        assert chip.messages() == (Message(2, VECTOR, True),)


def test_the_models_throttle_agrees(real: QemuIoapic) -> None:
    """Its count to 2 stands for 10,000; every walk of it is one of QEMU's."""
    result = random_walks(Subject(bench(), bench_scope(V20, throttle=True), real), 3, 60, length=30)
    assert result.disagreement is None
    assert result.totals.agreed == 60


# ---- snapshots and migration ----


@pytest.mark.parametrize("operation", list(moves.OPERATIONS))
@pytest.mark.parametrize(("old", "new"), [(0x11, 0x20), (0x20, 0x11)], ids=["up", "down"])
def test_what_survives(operation: str, old: int, new: int) -> None:
    """Entry with Remote IRR and latch come over without a complaint; version and EOI register are the receiver's."""
    with chip_of(old) as source:
        closed_pin(source)
        moved = moves.OPERATIONS[operation](source, new, [VECTOR])
    try:
        view = moved.look()
        assert (view.version, view.entries[PIN], view.latch) == (
            new,
            entry(VECTOR, NOBODY, True, False) | REMOTE_IRR,
            1 << PIN,
        )
        assert moved.messages() == ()
        moved.write_eoi(VECTOR)
        assert moved.messages() == (SENT if new == 0x20 else ())
        moved.lapic_eoi(VECTOR)
        assert moved.messages() == SENT
    finally:
        moved.close()


def test_a_delayed_interrupt_is_lost_in_a_migration() -> None:
    """The throttle's timer is not in the stream (reports/findings/10-migration.md): source yes, destination no."""
    with chip_of(0x20) as source:
        source.process.qmp("stop")
        closed_pin(source)
        source.write_eoi(VECTOR, THROTTLED_AT)
        source.happened()
        moved = moves.migrated(source, 0x20, [VECTOR])
        source.happened()
    try:
        moves.let_time_pass(moved, 0.1)
        assert (moved.messages(), is_closed(moved), moved.look().latch) == ((), False, 1 << PIN)
        moved.write_low(PIN + 1, moved.look().entries[PIN + 1])
        assert moved.messages() == SENT, "any other write of an entry sends it"
    finally:
        moved.close()


def test_loadvm_in_the_same_process_keeps_the_timer() -> None:
    """The model's destination is a new process, without a timer; here the one that runs goes on (named difference)."""
    image = moves.memory_file("disk", moves.empty_disk())
    with chip_of(0x20) as chip:
        chip.process.qmp("stop")
        closed_pin(chip)
        chip.write_eoi(VECTOR, THROTTLED_AT)
        moves.keep(chip, image)
        moves.snapshot(chip, "loadvm")
        chip.happened()
        assert not is_closed(chip)
        moves.let_time_pass(chip)
        assert (chip.messages(), is_closed(chip)) == (SENT, True)


def test_loadvm_in_the_same_process_keeps_the_count() -> None:
    """The model's destination is a new process; in the same one the count of EOIs is not reset (named difference)."""
    image = moves.memory_file("disk", moves.empty_disk())
    with chip_of(0x20) as chip:
        closed_pin(chip)
        moves.keep(chip, image)
        chip.process.qmp("stop")
        chip.write_eoi(VECTOR, THROTTLED_AT - 1)
        moves.snapshot(chip, "loadvm")
        chip.happened()
        chip.write_eoi(VECTOR)
        assert (chip.messages(), is_closed(chip)) == ((), False)


@pytest.mark.parametrize("operation", [Operation.MIGRATE, Operation.LOADVM_AT_START, Operation.LOADVM_RUNNING], ids=str)
def test_moves_agree_with_the_model(real: QemuIoapic, operation: Operation) -> None:
    scope = moving_scope(V11, V20, operation)
    result = random_walks(Subject(moving_bench(), scope, real), 5, 60, length=20)
    assert result.disagreement is None
    assert result.totals.agreed == 60


class StreamHasTheVersion(Migrating):
    def ioapic_version(self) -> IoapicVersion:
        return self.scope.ioapic


class StreamHasNoLatch(Migrating):
    def ioapic_post_load(self) -> None:
        for rte in self.ioapic.values():
            rte.irr = False
        super().ioapic_post_load()


class StreamHasNoRemoteIrr(Migrating):
    def ioapic_post_load(self) -> None:
        for rte in self.ioapic.values():
            rte.remote_irr = False
        super().ioapic_post_load()


@pytest.mark.everything
@pytest.mark.parametrize("wrong", [StreamHasTheVersion, StreamHasNoLatch, StreamHasNoRemoteIrr])
def test_a_wrong_migration_is_noticed(real: QemuIoapic, wrong: type[Design]) -> None:
    scope = moving_scope(V11, V20, Operation.MIGRATE)
    done = cover(Subject(moving_bench(wrong), scope, real), space(moving_bench(wrong), scope), "wrong")
    assert done.disagreement is not None
    assert done.disagreement.mismatch.entry == "migrate"
