"""What lies on disk says what it says in memory, number by number, and a disk without room is an outcome."""

from __future__ import annotations

import dataclasses
import functools
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from checker.engine import engine_abi, native
from checker.engine.native import Exploration, Outcome
from tests.rigs.engine_toys import Toy, counter_toy, plain_search, random_toy
from tests.unit.test_native import assert_equals_plain_search

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

SHORT = ("-DEOI_BLOCK=65536", "-DEOI_SPAN=64", "-O1")
MUCH = 1 << 30
EDGES = 17 * 2**17  # of a counter of 17 bits


@pytest.fixture(autouse=True)
def several_threads_from_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BORDER", 0)


def explore(toy: Toy, folder: Path, *, disk: int = MUCH, threads: int = 1, edges: bool = True) -> Exploration:
    """With no room for more than its slots, and what its threads need."""
    search = toy.explore(keep_edges=edges, engine_flags=SHORT)
    search.spill(folder, disk)
    limit = search.stats().bytes + 50_000 * (threads - 1)
    search.run = functools.partial(search.run, max_bytes=limit, threads=threads)  # type: ignore[method-assign]
    return search


def assert_same(plain: Exploration, spilled: Exploration) -> None:
    for ask in (Exploration.packed, Exploration.parents, Exploration.level_ends, Exploration.label_counts):
        assert np.array_equal(ask(plain), ask(spilled)), ask
    assert np.array_equal(plain.first_states(), spilled.first_states())
    assert np.array_equal(plain.first_edges(), spilled.first_edges())
    for a, b in zip(dataclasses.astuple(plain.graph()), dataclasses.astuple(spilled.graph()), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("threads", [1, 2])
def test_random_toys_equal_plain_search(tmp_path: Path, threads: int) -> None:
    for seed, cells in ((1, 8), (2, 24), (3, 40)):
        toy = random_toy(seed, cells, 11)
        search = explore(toy, tmp_path, threads=threads)
        assert_equals_plain_search(toy, search)
        on_disk = search.stats().disk_bytes
        assert on_disk >= 4 * search.stats().states + 6 * search.stats().transitions and not list(tmp_path.iterdir())


def larger(tmp_path: Path, threads: int, limit: int = 2_600_000) -> Exploration:
    """130,000 states: the slots grow three times, and blocks are let go."""
    search = counter_toy(17).explore(keep_edges=True, engine_flags=SHORT)
    search.spill(tmp_path, MUCH)
    assert search.run(max_bytes=limit, threads=threads) is Outcome.COMPLETE
    return search


@pytest.mark.parametrize("threads", [1, 2])
def test_a_search_that_grows_while_it_spills(tmp_path: Path, threads: int) -> None:
    plain, spilled = counter_toy(17).explore(keep_edges=True), larger(tmp_path, threads)
    assert plain.run() is Outcome.COMPLETE
    assert spilled.stats().bytes <= 2_600_000 and spilled.stats().disk_bytes > 6 * EDGES
    assert spilled.path_to(2**17 - 1) == plain.path_to(2**17 - 1)
    assert_same(plain, spilled)


def test_several_threads_need_no_more_than_one(tmp_path: Path) -> None:
    for limit, outcome in ((700_000, Outcome.COMPLETE), (400_000, Outcome.MEMORY_LIMIT)):
        found = []
        for threads in (1, 3):
            search = counter_toy(16).explore(keep_edges=True, engine_flags=SHORT)
            search.spill(tmp_path, MUCH)
            assert search.run(max_bytes=limit, threads=threads) is outcome
            found.append(search.counts())
        assert found[0] == found[1]


MISTAKES = {
    "nothing is moved": ("    fill(&to, a->data, a->bytes);\n", ""),
    "a block is left out": ("memcpy((u8 *)a->data + at,", "if (!at) memcpy((u8 *)a->data + at,"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    text, (right, wrong) = engine_abi.engine_source(), MISTAKES[mistake]
    assert text.count(right) == 1
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(right, wrong))
    plain = counter_toy(15).explore(keep_edges=True)
    plain.run()
    search = counter_toy(15).explore(keep_edges=True, engine_flags=SHORT)
    search.run(max_states=5000)
    search.spill(tmp_path, MUCH)
    search.run(max_bytes=search.stats().bytes)
    with pytest.raises(AssertionError):
        assert_same(plain, search)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_disk_without_room_is_an_outcome_and_the_search_can_go_on(tmp_path: Path, threads: int) -> None:
    toy = random_toy(2, 24, 11)
    search = explore(toy, tmp_path, disk=50_000, threads=threads)
    assert search.run() is Outcome.DISK_LIMIT and search.stats().disk_bytes <= 50_000
    assert search.run() is Outcome.DISK_LIMIT
    search.spill(tmp_path, MUCH)
    assert_equals_plain_search(toy, search)


@pytest.fixture
def small_files() -> Iterator[None]:
    """A disk that takes no file of more than 200 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_so_is_one_that_is_full(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    toy = counter_toy(14)
    search, expected = explore(toy, tmp_path), plain_search(toy)
    request.getfixturevalue("small_files")
    assert search.run() is Outcome.DISK_LIMIT
    found = search.stats().states
    assert found > 1000 and [search.state(n) for n in range(found)] == expected.states[:found]
    assert not list(tmp_path.iterdir())


def test_without_room_for_the_slots_memory_has_run_out(tmp_path: Path) -> None:
    search = counter_toy(16).explore(engine_flags=SHORT)
    search.spill(tmp_path, MUCH)
    assert search.run(max_bytes=400_000) is Outcome.MEMORY_LIMIT and search.stats().disk_bytes
    assert search.run(max_bytes=1) is Outcome.MEMORY_LIMIT
    assert search.run() is Outcome.COMPLETE and search.stats().states == 2**16


def test_a_folder_that_is_none_or_lies_in_memory_takes_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", Path("/dev/shm")):
        search = explore(counter_toy(14), folder)
        assert search.run() is Outcome.MEMORY_LIMIT and not search.stats().disk_bytes


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("then", [10_000_000, 300_000_000], ids=["a small limit", "a large one"])
def test_what_lies_on_disk_is_not_in_memory_too(tmp_path: Path, then: int) -> None:
    """Also where the limit would have room for it by now."""
    search = counter_toy(19).explore(keep_edges=True, engine_flags=("-DEOI_BLOCK=1048576",))
    search.spill(tmp_path, MUCH)
    before = resident()
    assert search.run(max_bytes=10_000_000, max_states=200_000) is Outcome.STATE_LIMIT
    assert search.run(max_bytes=then) is Outcome.COMPLETE
    on_disk = search.stats().disk_bytes
    assert on_disk > 19 * 2**19 * 6 and resident() - before < 20_000_000 + search.stats().bytes


def test_what_was_read_of_it_does_not_stay(tmp_path: Path) -> None:
    search = counter_toy(19).explore(keep_edges=True, engine_flags=("-DEOI_BLOCK=1048576",))
    search.spill(tmp_path, MUCH)
    assert search.run(max_bytes=10_000_000, max_states=400_000) is Outcome.STATE_LIMIT
    for name, size in search.sizes_of(search.counts()).items():
        assert search.memory(name, size).any()
    before = resident()
    assert search.run(max_bytes=10_000_000) is Outcome.COMPLETE
    assert before - resident() > 30_000_000
