"""The engine against a plain Python search, and every way a run can end."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from checker.engine import build
from checker.engine.build import CompileFailed, NoCompiler, compile_c, load_c
from checker.engine.native import NONE, CorruptParents, Exploration, Outcome, Stats
from checker.errors import InternalError, UserError
from tests.rigs.engine_toys import Rule, Search, Toy, counter_toy, edge_atoms, plain_search, random_toy

FORMS = [(False, ()), (True, ()), (False, ("-DEOI_BAD_HASH",))]
FORM_NAMES = ["fast", "portable", "bad hash"]


def assert_equals_plain_search(toy: Toy, search: Exploration, expected: Search | None = None) -> None:
    expected = expected or plain_search(toy)
    assert search.run() is Outcome.COMPLETE
    n = len(expected.states)
    stats = search.stats()
    assert (stats.states, stats.expanded, stats.transitions) == (n, n, len(expected.edges))
    assert search.level_ends().tolist() == expected.level_ends and stats.depth == len(expected.level_ends)
    assert [search.state(i) for i in range(n)] == expected.states
    assert all(search.find(state) == i for i, state in enumerate(expected.states))
    graph = search.graph()
    src = np.searchsorted(graph.row, np.arange(len(graph.target)), side="right") - 1
    edges = list(zip(src.tolist(), graph.label.tolist(), graph.target.tolist(), strict=True))
    assert edges == expected.edges and graph.n == n and graph.initial == 1
    assert search.parents().tolist() == expected.parents
    labels = [label for _, label, _ in expected.edges]
    assert search.label_counts().tolist() == [labels.count(label) for label in range(toy.labels)]
    assert_formulas_equal(search, expected.states, expected.edges)


def assert_formulas_equal(search: Exploration, states: list[bytes], edges: list[tuple[int, int, int]]) -> None:
    atoms = np.zeros((66, len(states)), np.uint8)
    for i, state in enumerate(states):
        atoms[: len(state), i] = np.frombuffer(state, np.uint8) & 1
    atoms[65] = 1
    assert (search.eval_atoms(range(66)) == atoms).all() and (search.eval_atoms([3])[0] == atoms[3]).all()
    first = [[row.tolist().index(v) if v in row else NONE for row in atoms] for v in (0, 1)]
    assert search.first_states().tolist() == first
    witness = [[[NONE] * 3 for _ in range(3)] for _ in range(2)]
    for edge in reversed(edges):
        for atom, value in enumerate(edge_atoms(states[edge[0]], states[edge[2]])):
            witness[value][atom] = list(edge)
    assert search.first_edges().tolist() == witness


@pytest.mark.parametrize(("portable", "flags"), FORMS, ids=FORM_NAMES)
@pytest.mark.parametrize("cells", [8, 16, 24, 40])
def test_random_toys_equal_plain_search(cells: int, portable: bool, flags: tuple[str, ...]) -> None:
    for seed in range(4):
        toy = random_toy(seed, cells, 9)
        assert_equals_plain_search(toy, toy.explore(keep_edges=True, portable=portable, engine_flags=flags))


@pytest.mark.everything
def test_growth_inside_levels_keeps_every_state() -> None:
    toy = random_toy(2, 24, 16, guarded=False)
    expected = plain_search(toy)
    for portable in (False, True):
        search = toy.explore(keep_edges=True, portable=portable)
        assert_equals_plain_search(toy, search, expected)
        assert search.stats().states == 2**16  # more than the first table holds


@pytest.mark.parametrize("bits", [1, 31, 32, 33, 64, 65, 96, 128, 129, 200])
def test_every_width_is_stored_exactly(bits: int) -> None:
    cells = (bits + 63) // 64 * 8
    stored = tuple((1 << max(0, min(8, bits - 8 * i))) - 1 for i in range(cells))
    ends = tuple(Rule(0, 0, 0, ((b // 8, 1 << b % 8),)) for b in sorted({0, bits - 1, bits // 2, bits // 3}))
    toy = Toy(stored, bytes(cells), ends)
    search = toy.explore(keep_edges=True)
    assert_equals_plain_search(toy, search)
    assert search.packed().shape == (2 ** len(ends), (bits + 31) // 32)


def test_packed_states_are_the_stored_bits_end_to_end() -> None:
    toy = Toy((0x0F, 0, 0xF0, 0, 0, 0, 0, 1) + (0xFF,) * 8, bytes([0x10, 3, 1, 0, 0, 0, 0, 2] + [0] * 8), ())
    toy = dataclasses.replace(toy, rules=(Rule(0, 0, 0, ((2, 0xA0), (8, 0x81))),))
    search = toy.explore()
    assert search.run() is Outcome.COMPLETE
    assert search.packed().tolist() == [[0, 0, 0], [0xA0 | 0x81 << 9, 0, 0]]


def test_model_without_stored_bits_has_one_state() -> None:
    toy = Toy((0,) * 8, b"constant", (Rule(0, 0, 0, ()),))
    assert_equals_plain_search(toy, toy.explore(keep_edges=True))


@pytest.mark.everything
def test_million_states_in_few_bytes() -> None:
    search = counter_toy(20).explore()
    assert search.run() is Outcome.COMPLETE
    assert search.stats().states == 2**20 and search.stats().depth == 21
    assert search.stats().table_bytes < 24 * 2**20


def test_path_is_shortest_and_corrupt_parents_are_refused() -> None:
    search = counter_toy(12).explore()
    assert search.run() is Outcome.COMPLETE
    last = search.stats().states - 1
    path = search.path_to(last)
    assert path[0] == 0 and path[-1] == last and len(path) == search.stats().depth == 13
    parents = search.parents()
    good = parents.copy()
    for wrong in (last, NONE, last - 1):  # itself; no parent; so late that the path gets longer than the depth
        parents[last] = wrong
        parents[last - 1] = last - 2
        with pytest.raises(CorruptParents):
            search.path_to(last)
        parents[:] = good
    parents[0] = 3
    with pytest.raises(CorruptParents):
        search.path_to(last)


def test_path_into_a_level_still_being_found() -> None:
    search = counter_toy(12).explore()
    assert search.run(max_states=1000) is Outcome.STATE_LIMIT
    ends = search.level_ends().tolist()
    states = search.stats().states
    assert states > ends[-1]
    assert len(search.path_to(states - 1)) == len(ends) + 1 and len(search.path_to(ends[-1] - 1)) == len(ends)


def test_several_initial_states_are_told_apart() -> None:
    toy = counter_toy(4)
    search = toy.explore()
    assert [search.add_initial(bytes([v, *[0] * 7])) for v in (3, 0, 5, 3)] == [1, 0, 2, 1]
    assert search.initial == 3 and search.run() is Outcome.COMPLETE
    assert search.stats().states == 16 and search.parents()[:3].tolist() == [NONE] * 3
    with pytest.raises(ValueError, match="frozen"):
        toy.explore().add_initial(bytes([0, 1, *[0] * 6]))


def test_state_limit_is_the_same_everywhere_and_the_search_goes_on() -> None:
    search, other = counter_toy(16).explore(), counter_toy(16).explore(portable=True)
    assert search.run(max_states=1000) is other.run(max_states=1000) is Outcome.STATE_LIMIT
    assert 1000 <= search.stats().states == other.stats().states < 1000 + 32 * 18
    assert search.run() is Outcome.COMPLETE and search.stats().states == 2**16


def test_memory_limit_leaves_a_search_that_can_go_on() -> None:
    search = counter_toy(17).explore(keep_edges=True)
    assert search.run(max_bytes=2_000_000) is Outcome.MEMORY_LIMIT
    assert search.stats().bytes <= 2_000_000
    assert search.run(max_bytes=2_000_000) is Outcome.MEMORY_LIMIT
    with pytest.raises(RuntimeError, match="complete"):
        search.graph()
    assert search.run() is Outcome.COMPLETE
    assert (search.stats().states, search.stats().transitions) == (2**17, 17 * 2**17)
    assert sorted(np.bincount(search.graph().target).tolist()) == [17] * 2**17


def test_no_memory_for_a_single_table_is_an_outcome() -> None:
    assert counter_toy(16).explore().run(max_bytes=1) is Outcome.MEMORY_LIMIT


def test_time_limit_and_interrupt() -> None:
    search = counter_toy(22).explore()
    assert search.run(seconds=0) is Outcome.TIME_LIMIT
    seen: list[Stats] = []

    def interrupt(stats: Stats) -> None:
        seen.append(stats)
        raise KeyboardInterrupt

    assert search.run(interrupt) is Outcome.INTERRUPTED
    assert 0 < seen[0].expanded < 2**22


def test_fault_names_state_and_label() -> None:
    fault = "if (s[0] == 5) { labels[n++] = 0x8000 | 40; }"
    search = dataclasses.replace(counter_toy(8), extra_c=fault).explore(keep_edges=True)
    assert search.run() is Outcome.FAULT
    assert search.state(search.fault.src)[0] == 5 and search.fault.label == 40 and not search.fault.stray
    assert search.stats().expanded == search.fault.src
    assert (40 | 0x8000) in [label for label, _ in search.successors(search.state(search.fault.src))]
    assert search.run() is Outcome.FAULT


def test_store_outside_the_mask_is_a_fault_unless_padding() -> None:
    toy = dataclasses.replace(counter_toy(8), extra_c="o = copy(out, n, s); o[7] = s[0]; labels[n++] = 41;")
    search = toy.explore()
    assert search.run() is Outcome.FAULT and search.fault.label == 41 and search.fault.stray
    padding = np.frombuffer(bytes([*[0] * 7, 0xFF]), np.uint64)
    lenient = Exploration(load_c(toy.source()), dataclasses.replace(toy.shape(), padding=padding))
    lenient.add_initial(bytes(8))
    assert lenient.run() is Outcome.COMPLETE and lenient.stats().states == 256


@pytest.mark.parametrize("broken", ["n += 5;", "o = copy(out, n, s); labels[n++] = 64;"])
def test_broken_model_library_is_an_internal_error(broken: str) -> None:
    with pytest.raises(InternalError):
        dataclasses.replace(counter_toy(8), extra_c=broken).explore().run()


def test_other_abi_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="ABI"):
        Exploration(load_c("unsigned eoi_abi(void) { return 7; }"), counter_toy(1).shape())


def test_arrays_keep_the_engine_alive_and_end_the_search() -> None:
    search = counter_toy(14).explore()
    search.run(max_states=100)
    parents = search.parents()
    with pytest.raises(RuntimeError, match="array"):
        search.run()
    del search
    assert parents[0] == NONE and parents[1:].max() < len(parents)


def test_searches_in_several_threads_do_not_disturb_each_other() -> None:
    toys = [random_toy(seed, 16, 14, guarded=False) for seed in range(4)]
    searches = [toy.explore(keep_edges=True) for toy in toys]
    threads = [threading.Thread(target=search.run) for search in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [s.stats().states for s in searches] == [len(plain_search(toy).states) for toy in toys]


# ---- building ----

SOURCE = "int answer(void) { return 42; }"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_cache_is_addressed_by_source_flags_and_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compile_c(SOURCE)
    written = path.stat().st_mtime_ns
    assert compile_c(SOURCE) == path and path.stat().st_mtime_ns == written
    others = {compile_c(SOURCE + " "), compile_c(SOURCE, ("-O2",))}
    monkeypatch.setattr(build, "_compiler_version", lambda _: "another compiler")
    others.add(compile_c(SOURCE))
    assert len(others) == 3 and path not in others
    assert {p.suffix for p in cache.iterdir()} == {".so"}  # nothing half-built is left


def test_who_wants_what_another_compiles_waits_for_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, built, all_there = build._build, list[Path](), threading.Barrier(4)

    def slowly(command: str, flags: list[str], source: str, path: Path) -> None:
        time.sleep(0.2)
        honest(command, flags, source, path)
        built.append(path)

    def want() -> Path:
        all_there.wait()
        return compile_c(SOURCE)

    monkeypatch.setattr(build, "_build", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = {future.result() for future in [pool.submit(want) for _ in range(4)]}
    assert len(found) == 1 and built == [*found]
    assert {p.suffix for p in cache.iterdir()} == {".so"}


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped"])
def test_damaged_library_is_built_again(cache: Path, damage: str) -> None:
    path = compile_c(SOURCE)
    whole = path.read_bytes()
    flipped = whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]
    path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "flipped": flipped}[damage])
    assert load_c(SOURCE).answer() == 42
    assert build.is_whole(path)


def test_library_that_does_not_load_is_built_once_more(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compile_c(SOURCE)
    path.write_bytes(b"from another host")
    real = build.is_whole
    monkeypatch.setattr(build, "is_whole", lambda p: real(p) or p.exists())
    assert load_c(SOURCE).answer() == 42


def test_a_library_that_was_made_for_something_else_is_refused(cache: Path) -> None:
    """It is whole, it loads, and it answers: what another source says."""
    mine, other = compile_c(SOURCE), compile_c(SOURCE.replace("42", "43"))
    mine.write_bytes(other.read_bytes())
    assert build.is_whole(mine)
    with pytest.raises(InternalError, match=f"{mine.name} was made for {other.stem}"):
        load_c(SOURCE)
    assert load_c(SOURCE.replace("42", "43")).answer() == 43


def test_a_library_without_a_name_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = build._build
    monkeypatch.setattr(build, "_build", lambda command, flags, _, path: honest(command, flags, SOURCE, path))
    with pytest.raises(UserError, match="has nothing of what it was given"):
        load_c(SOURCE)
    mine = build.library_path(SOURCE)
    content = f"const char another[] = {chr(34)}{mine.stem}{chr(34)};"
    monkeypatch.setattr(build, "_build", lambda command, flags, _, path: honest(command, flags, content, path))
    with pytest.raises(InternalError, match="nobody knows what"):
        load_c(SOURCE)


def test_missing_compiler_is_a_plain_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", os.fspath(cache / "no-such-compiler"))
    with pytest.raises(NoCompiler, match="install gcc or clang"):
        compile_c(SOURCE)


def test_refused_source_shows_the_compiler_output(cache: Path) -> None:
    with pytest.raises(CompileFailed, match="error"):
        compile_c("int f(void) { return nonsense; }")
    assert list(cache.iterdir()) == []
