"""Several threads say what one says, number by number: the plain search, and the engine with one thread, are what is compared
with. Spans are short here, and each thread is late now and then, so that who comes first is another one each time."""

from __future__ import annotations

import dataclasses
import functools
import os
import shlex
import subprocess
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from checker.engine import engine_abi, native
from checker.engine.build import compiler
from checker.engine.native import Exploration, Outcome
from tests.rigs.engine_toys import Rule, Toy, counter_toy, plain_search, random_toy
from tests.unit.test_native import assert_equals_plain_search

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

SHORT = ("-DEOI_SPAN=64", "-O1")
LATE = (*SHORT, "-DEOI_SHUFFLE")
ONE_CHAIN = "-DEOI_ONE_CHAIN"


@pytest.fixture(autouse=True)
def from_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BORDER", 0)


def explore(toy: Toy, threads: int, *, flags: tuple[str, ...] = LATE, portable: bool = False) -> Exploration:
    """That so many will search."""
    search = toy.explore(keep_edges=True, engine_flags=flags, portable=portable)
    search.run = functools.partial(search.run, threads=threads)  # type: ignore[method-assign]
    return search


def assert_same(one: Exploration, other: Exploration) -> None:
    """Two searches of which none has ended, or both."""
    assert dataclasses.replace(one.stats(), bytes=0, table_bytes=0) == dataclasses.replace(
        other.stats(), bytes=0, table_bytes=0
    )
    for ask in (Exploration.level_ends, Exploration.label_counts, Exploration.first_states, Exploration.first_edges):
        assert np.array_equal(ask(one), ask(other)), ask
    states = range(one.stats().states)
    assert [one.state(n) for n in states] == [other.state(n) for n in states]
    assert [one.path_to(n) for n in states] == [other.path_to(n) for n in states]


@pytest.mark.parametrize(
    ("cells", "seeds", "portable"), [(8, (1, 2, 10), False), (24, (0, 2), False), (24, (6,), True)]
)
def test_random_toys_equal_plain_search(cells: int, seeds: tuple[int, ...], portable: bool) -> None:
    for seed, threads in product(seeds, (2, 3)):
        toy = random_toy(seed, cells, 12)
        search = explore(toy, threads, portable=portable)
        assert_equals_plain_search(toy, search)
        widest = max(np.diff(search.level_ends()))
        assert widest > 6 * 64, "too small for many spans"


def test_a_chain_that_goes_on_in_another_threads_slots() -> None:
    for seed in (1, 2, 10):
        toy = random_toy(seed, 8, 12)
        assert_equals_plain_search(toy, explore(toy, 2, flags=(*LATE, ONE_CHAIN)))


def test_the_first_of_many_is_told() -> None:
    toy = late_toy()
    found = plain_search(toy)
    for _ in range(5):
        assert_equals_plain_search(toy, explore(toy, 3), found)


def test_levels_of_thousands_and_a_table_that_grows_within() -> None:
    toy = random_toy(2, 24, 16, guarded=False)
    one, three = explore(toy, 1), explore(toy, 3)
    assert one.run() is three.run() is Outcome.COMPLETE and one.stats().states == 2**16
    for ask in (Exploration.packed, Exploration.parents, Exploration.label_counts, Exploration.first_edges):
        assert np.array_equal(ask(one), ask(three)), ask
    for a, b in zip(dataclasses.astuple(one.graph()), dataclasses.astuple(three.graph()), strict=True):
        assert np.array_equal(a, b)


@pytest.fixture
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine with a mistake: its text, with one place of it replaced."""
    right, wrong = request.param
    text = engine_abi.engine_source()
    assert text.count(right) == 1
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(right, wrong))
    return wrong


CAS = "__atomic_compare_exchange_n(t->slots + at, &entry, tag | (next + 1), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)"
MISTAKES = {  # each leaves an engine that ends
    "one part's new states come first": ("at < *nth) first = k", "false) first = k"),
    "one part's new states alone are counted": (
        "id += next[k] = parts[k].new_from;",
        "next[k] = parts[k].new_from, id += k ? 0 : next[k];",
    ),
    "two claim a slot at once": (CAS, "(usleep(50), t->slots[at] = tag | (next + 1))"),
    "whose a number is nobody asks": ("return number < h->n_new ?", "number %= h->n_new + !h->n_new;\n    return 1 ?"),
    "one thread's firsts only": (
        "for (u32 k = 0; k < t->size; k++) {\n            u64 new",
        "for (u32 k = 0; k < 1; k++) {\n            u64 new",
    ),
    "anybody's first state": ("from->first[at] < to->first[at]", "from->first[at] != NONE"),
    "anybody's first edge": ("from->first_edge[at].src < to->first_edge[at].src", "from->first_edge[at].src != NONE"),
}


def late_toy() -> Toy:
    """Three bits of a cell must be set, whichever, before another one changes: many states of a level are the first to say so."""
    triples = [a | b | c for a, b, c in combinations((1, 2, 4, 8, 16, 32, 64, 128), 3)]
    return Toy((255, 1, *[0] * 6), bytes(8), counter_toy(8).rules + tuple(Rule(0, m, m, ((1, 1),)) for m in triples))


@pytest.mark.everything
@pytest.mark.parametrize("broken", MISTAKES.values(), ids=MISTAKES.keys(), indirect=True)
def test_a_mistake_is_seen(broken: str) -> None:
    toys = [late_toy(), random_toy(1, 8, 12)]
    expected = [plain_search(toy) for toy in toys]

    def look() -> None:
        for toy, found in list(zip(toys, expected, strict=True)) * 20:
            assert_equals_plain_search(toy, explore(toy, 3), found)
            assert_equals_plain_search(toy, explore(toy, 2, flags=(*LATE, ONE_CHAIN)), found)

    with pytest.raises(AssertionError):
        look()


@pytest.mark.parametrize("limit", [100, 1000, 3000])
def test_a_limit_on_states_stops_all_where_it_stops_one(limit: int) -> None:
    one, two = (explore(counter_toy(12), threads, flags=SHORT) for threads in (1, 2))
    assert one.run(max_states=limit) is two.run(max_states=limit) is Outcome.STATE_LIMIT
    assert_same(one, two)
    assert one.run() is two.run() is Outcome.COMPLETE
    assert_same(one, two)


def test_memory_that_ends_leaves_a_search_that_can_go_on() -> None:
    two = explore(counter_toy(17), 2, flags=SHORT)
    assert two.run(max_bytes=2_000_000) is Outcome.MEMORY_LIMIT and two.stats().bytes <= 2_000_000
    assert two.run() is Outcome.COMPLETE
    assert (two.stats().states, two.stats().transitions) == (2**17, 17 * 2**17)
    assert sorted(np.bincount(two.graph().target).tolist()) == [17] * 2**17


@pytest.mark.parametrize(
    "extra", ["if (s[0] == 255 && s[1] == 5) { labels[n++] = 0x8000 | 40; }", "if (s[0] == 255) { o = copy(out, n, s); o[7] = 9; labels[n++] = 41; }"]
)  # fmt: skip
def test_a_fault_ends_all_where_it_ends_one(extra: str) -> None:
    one, two = (
        explore(dataclasses.replace(counter_toy(12), extra_c=extra), threads, flags=SHORT) for threads in (1, 2)
    )
    assert one.run() is two.run() is Outcome.FAULT
    assert one.fault == two.fault
    assert_same(one, two)


def test_ctrl_c_and_a_time_limit_leave_a_search_that_can_go_on() -> None:
    def interrupt(stats: native.Stats) -> None:
        raise KeyboardInterrupt

    search = explore(counter_toy(16), 2)
    assert search.run(seconds=0) is Outcome.TIME_LIMIT and search.run(interrupt) is Outcome.INTERRUPTED
    assert search.run() is Outcome.COMPLETE and search.stats().transitions == 16 * 2**16


MAIN = """
#include <stdio.h>
static const u64 mask[] = {{ {mask}ull }}, frozen[] = {{ {frozen}ull }}, padding[] = {{ 0 }};
int main(void) {{
    for (int round = 0; round < 10; round++) {{
        struct Model model = {{ .expand = (void *)eoi_expand, .atoms = (void *)eoi_atoms, .edge_atoms = (void *)eoi_edge_atoms,
                               .mask = mask, .frozen = frozen, .padding = padding, .words8 = 1, .max_successors = {successors},
                               .labels = {labels}, .n_atoms = 66, .n_edge_atoms = 3, .keep_edges = 1 }};
        struct Engine *e = engine_new(&model);
        engine_add_initial(e, frozen);
        engine_threads(e, 3);
        engine_run(e, UINT64_MAX, UINT64_MAX, UINT64_MAX);
        printf("%lu states\\n", e->view.states);
        engine_free(e);
    }}
}}
"""


def races(engine: str, folder: Path) -> str:
    """What gcc's ThreadSanitizer says of the engine while it searches a toy; "" if nothing."""
    toy = random_toy(1, 8, 12)
    shape = toy.shape()
    main = MAIN.format(
        mask=int(shape.mask[0]), frozen=int(shape.frozen[0]), successors=shape.max_successors, labels=shape.labels
    )
    (folder / "engine.c").write_text("\n".join([engine, toy.source(), main]))
    flags = ["-std=gnu11", "-w", "-O1", "-g", "-fsanitize=thread", "-pthread", "-DEOI_WIDTH=2", *LATE[:1], LATE[-1]]
    made = subprocess.run(
        [*shlex.split(compiler()), *flags, "engine.c", "-o", "engine"], cwd=folder, check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("the compiler has no ThreadSanitizer")
    environ = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
    ran = subprocess.run(
        ["./engine"], cwd=folder, env=environ, check=False, capture_output=True, text=True, timeout=100
    )
    if "FATAL: ThreadSanitizer" in ran.stderr:
        pytest.skip("ThreadSanitizer does not run on this kernel")
    assert ran.returncode or ran.stdout == "2048 states\n" * 10
    return ran.stderr


@pytest.mark.everything
def test_no_thread_reads_what_another_one_is_writing(tmp_path: Path) -> None:
    assert races(engine_abi.engine_source(), tmp_path) == ""


@pytest.mark.everything
@pytest.mark.parametrize("before", ["place(h, words);", "settle_slots(h);"])
def test_a_meeting_that_is_left_out_is_seen(before: str, tmp_path: Path) -> None:
    """Before states are placed, all are known; before slots are settled, all have ids."""
    text = engine_abi.engine_source()
    end = text.rindex(before)
    start = text.rindex("meet(t, ", 0, end)
    left_out = text[:start] + "(void)(" + text[start + len("meet(t, ") :]
    assert "data race" in races(left_out, tmp_path)
