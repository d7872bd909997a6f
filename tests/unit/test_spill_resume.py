"""A search that spills and is killed goes on, spilling, and its verdicts and stories are those of one that had all memory."""

from __future__ import annotations

import itertools
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.engine import checkpoint, native, spill_folder
from checker.engine.checkpoint import Checkpoints
from checker.engine.native import Stats
from checker.engine.search import Limits, NativeSearch, Outcome
from tests.agree.test_linked import medium
from tests.agree.test_threads import told
from tests.rigs.compare import assert_same_search
from tests.unit.test_checkpoint import new

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

LITTLE = 420_000  # bytes; the slots take 262,144 of them


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is written down after each batch of states; threads search together from the first state on."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    monkeypatch.setattr(checkpoint, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(native, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(native, "BORDER", 100)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    (tmp_path / "disk").mkdir()
    monkeypatch.setenv(spill_folder.VARIABLE, str(tmp_path / "disk"))


def little(threads: int, resume: bool = True, max_states: int | None = None) -> Limits:
    wanted = Checkpoints(resume=resume)
    return Limits(max_states, LITTLE, threads=threads, checkpoints=wanted, max_disk=1 << 30)


def plain() -> NativeSearch:
    search = new()
    assert search.run(Limits(), None) is Outcome.COMPLETE
    return search


def assert_like_plain(search: NativeSearch) -> None:
    whole = plain()
    assert_same_search(whole, search)
    assert whole.answers() == search.answers() and told(medium(), whole) == told(medium(), search)


@pytest.mark.parametrize("threads", [1, 2])
def test_cut_short_and_gone_on_with(tmp_path: Path, threads: int) -> None:
    first, second = new(), new()
    assert first.run(little(threads, False, 3000), None) is Outcome.STATE_LIMIT
    limits, seen = little(threads), list[Stats]()
    assert second.run(limits, seen.append) is Outcome.COMPLETE and limits.checkpoints
    assert limits.checkpoints.resumed == [seen[0].found_before[0]]
    for search in (first, second):
        assert search.stats().bytes <= LITTLE and search.stats().disk_bytes > 10_000
    assert_like_plain(second)
    assert not list((tmp_path / "disk").iterdir())


def test_without_limit_or_with_it_makes_no_difference() -> None:
    """What was begun with all memory goes on with little, and the other way round."""
    for begin, go_on in (
        (Limits(3000, checkpoints=Checkpoints()), little(1)),
        (little(1, False, 3000), Limits(checkpoints=Checkpoints(True))),
    ):
        new().run(begin, None)
        search = new()
        assert search.run(go_on, None) is Outcome.COMPLETE
        assert bool(search.stats().disk_bytes) is (go_on.max_bytes is not None)
        assert_like_plain(search)


def dies_after(moments: int) -> Callable[[object], None]:
    """A call that kills its process where it is called for so many times: a time would be another moment on each machine."""
    left = itertools.count(moments - 1, -1)

    def moment(_: object) -> None:
        if not next(left):
            os.kill(os.getpid(), signal.SIGKILL)

    return moment


def test_killed_at_any_moment_it_leaves_nothing_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between batches, and while what was found is written down."""
    dice, deaths, said = random.Random(11), 0, tmp_path / "said"
    for number in range(100):
        moment = dies_after(dice.randint(1, 3 + number))
        monkeypatch.setattr(os, "fsync", moment)
        child = os.fork()
        if not child:
            limits, search = little(2), new()
            search.run(limits, moment)
            said.write_text(f"{search.stats().disk_bytes > 10_000} {search.answers()}")
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        deaths += killed
        assert not list((tmp_path / "disk").iterdir())
        if not killed:
            break
    assert deaths > 2, "it was over before it could be killed"
    assert said.read_text() == f"True {plain().answers()}"
