"""How many states a search may find in all: right within what is promised where it speaks, and silent where it cannot know."""

from __future__ import annotations

import math
import time

import pytest

from checker.engine.native import Stats
from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.estimate import LEVELS, MOST, duration, in_all
from checker.matrix.select import select, selection
from checker.progress import Progress
from checker.questions.verdict import asked_of

pytestmark = pytest.mark.unit

# The levels of base on QEMU 0x20 with linux and four vCPUs, as they were on 2026-11-29.
FOUR_CPUS = [
    1, 5, 15, 35, 82, 202, 470, 1062, 2229, 4281, 7643, 12743, 20096, 30184, 43392, 60016, 80160, 103520, 129176, 155960, 182720,
    208808, 233960, 257600, 278584, 295504, 307552, 314912, 318640, 320144, 320576, 320640,
]  # fmt: skip


def summed(widths: list[int]) -> list[int]:
    return [sum(widths[: k + 1]) for k in range(len(widths))]


def test_of_a_real_search_the_guess_is_within_a_factor_of_three() -> None:
    whole = FOUR_CPUS[-1]
    guesses = {k: found for k in range(1, len(FOUR_CPUS)) if (found := in_all(FOUR_CPUS[:k])) is not None}
    assert len(guesses) > 10 and min(guesses) <= 16  # from a fifth of the states on
    late = [found / whole for k, found in guesses.items() if FOUR_CPUS[k - 1] > whole / 5]
    assert len(late) > 8 and all(1 / 3 < found < 3 for found in late)
    assert all(found <= MOST * FOUR_CPUS[k - 1] * 1.1 for k, found in guesses.items())


def test_levels_that_are_a_parabola_are_foretold() -> None:
    widths = [round(math.exp(11 - (k - 20) ** 2 / 25)) for k in range(4, 37)]
    ends = summed(widths)
    for known in range(20, 30):
        found = in_all(ends[:known])
        assert found is not None and abs(found / ends[-1] - 1) < 0.1, known


@pytest.mark.parametrize(
    "ends",
    [[], [1], summed([1] * 4), summed([2**k for k in range(30)]), summed([3] * 40), summed([k**3 for k in range(1, 30)]), [5] * 20],
    ids=["none", "one", "few", "doubling", "even", "growing", "no new ones"],
)  # fmt: skip
def test_it_says_nothing_where_it_cannot_know(ends: list[int]) -> None:
    assert in_all(ends) is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (59, "59 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2 h")]
)
def test_a_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_search_tells_the_levels_that_are_finished() -> None:
    """While it goes on, not at its end: what is kept of it stays as it was."""
    asked = selection("base", {"vmm": ["qemu"], "guest": ["linux"]}, ["remote_irr_set"], "cpus=3,ioapic=0x20")
    _, (cell,), _, wanted = select(asked)
    prepared = prepare(cell.system, cell.scope, asked_of(cell, wanted))
    search = NativeSearch(prepared.program, Reference(cell.system, cell.scope), keep_edges=False, prepared=prepared)
    seen = list[Stats]()
    search.run(Limits(), seen.append)
    ends = search.exploration.level_ends().tolist()
    assert search.stats().level_ends == () and len(ends) > LEVELS
    for stats in seen:
        assert list(stats.level_ends) == ends[: len(stats.level_ends)] and len(stats.level_ends) in (
            stats.depth,
            stats.depth - 1,
        )


def test_the_line_of_progress_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress(2)
    known = FOUR_CPUS[:22]
    stats = Stats(known[-1], 150_000, 10, 22, 1_000_000, 1, tuple(known))
    progress.watch(0, "a cell", stats)
    now = time.monotonic()
    monkeypatch.setattr("checker.progress.time.monotonic", lambda: now + 30)
    total = in_all(known)
    assert total is not None and 250_000 < total < 400_000
    left = (total - 150_000) * 30 / 150_000  # as it went till now
    assert progress.line().endswith(f", perhaps {total:,} or more in all: {left:.0f} s more")
    progress.watch(1, "another", Stats(100, 60, 10, 3, 1_000_000, 1, (1, 20, 100)))
    assert progress.line().endswith(", depth 3, 1 MB, 40 of them still open")


def test_what_a_search_goes_on_from_was_not_found_now(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("checker.progress.time.monotonic", lambda: clock[0])
    progress, known = Progress(1), FOUR_CPUS[:22]
    total = in_all(known)
    assert total is not None
    stats = Stats(known[-1], 100_000, 10, 22, 1_000_000, 1, tuple(known), found_before=(known[-1] - 20_000, 90_000))
    progress.watch(0, "resumed", stats)
    clock[0] = 10.0
    assert ", 0.00 M/s, " in progress.line()
    assert progress.line().endswith(f", perhaps {total:,} or more in all: {duration((total - 100_000) / 1000)} more")


def test_a_search_that_was_begun_late_has_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a campaign of many cells."""
    clock = [0.0]
    monkeypatch.setattr("checker.progress.time.monotonic", lambda: clock[0])
    progress = Progress(2)
    clock[0] = 100.0
    progress.watch(1, "late", Stats(0, 0, 0, 0, 0, 0))
    clock[0] = 102.0
    progress.watch(1, "late", Stats(4_000_000, 4_000_000, 0, 0, 0, 0))
    assert "2.00 M/s" in progress.line()
