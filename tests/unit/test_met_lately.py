"""A large search that keeps no edges passes over what it met lately: it finds what the plain search finds, by one thread and by several."""

from __future__ import annotations

import dataclasses
import itertools
from itertools import product

import numpy as np
import pytest

from checker.engine import engine_abi, native
from checker.engine.build import load_c
from checker.engine.native import NONE, Exploration, Outcome
from tests.rigs.engine_toys import Search, Toy, counter_toy, edge_atoms, plain_search, random_toy

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

FLAGS = ("-DEOI_SPAN=64", "-O1")
FEW, ALL = "-DEOI_LATELY=16u", "-DEOI_LATELY=8192u"  # those that are forgotten again, and those that never are
NOT_FROM_ZERO = dataclasses.replace(counter_toy(11), frozen=b"\x01" + bytes(7))
TOYS = [random_toy(1, 8, 12), random_toy(2, 24, 12), NOT_FROM_ZERO]


@pytest.fixture(autouse=True)
def from_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BORDER", 0)


def explore(toy: Toy, lately: str, formulas_of_steps: int = 0) -> Exploration:
    """While there are formulas of steps that were not seen both ways, somebody wants to know where each edge ends."""
    shape = dataclasses.replace(toy.shape(), n_edge_atoms=formulas_of_steps)
    search = Exploration(load_c(toy.source()), shape, engine_flags=(*FLAGS, lately))
    search.add_initial(toy.frozen)
    return search


def assert_found(search: Exploration, toy: Toy, found: Search) -> None:
    assert [search.state(number) for number in range(search.stats().states)] == found.states
    assert list(search.level_ends()) == found.level_ends
    assert search.stats().transitions == len(found.edges)
    labels = [label for _, label, _ in found.edges]
    assert search.label_counts().tolist() == np.bincount(labels, minlength=toy.labels).tolist()
    assert search.parents().tolist() == found.parents


@pytest.mark.parametrize(("lately", "threads"), list(product((FEW, ALL), (1, 2, 3))))
def test_it_is_the_plain_search(lately: str, threads: int) -> None:
    for toy in TOYS:
        search = explore(toy, lately)
        assert search.run(threads=threads) is Outcome.COMPLETE
        assert_found(search, toy, plain_search(toy))


@pytest.mark.parametrize(("seed", "cells", "threads"), [(2, 8, 1), (3, 24, 1), (5, 24, 2), (9, 8, 2)])
def test_formulas_of_steps_that_are_seen_both_ways_within_a_batch(seed: int, cells: int, threads: int) -> None:
    toy, seen = random_toy(seed, cells, 12), 2
    search, found = explore(toy, ALL, seen), plain_search(toy)
    assert search.run(threads=threads) is Outcome.COMPLETE
    first = [[[NONE] * 3 for _ in range(seen)] for _ in range(2)]
    for edge in reversed(found.edges):
        for atom, value in enumerate(edge_atoms(found.states[edge[0]], found.states[edge[2]])[:seen]):
            first[value][atom] = list(edge)
    assert NONE not in np.array(first) and search.first_edges().tolist() == first
    assert_found(search, toy, found)


def test_no_memory_for_what_was_met() -> None:
    """Threads have looked around, and neither they nor one alone have room for what they saw: the table has to grow."""
    children = "uint32_t v; memcpy(&v, s, 4); for (v *= 2; v >> 17 == 0; v++) { memcpy(copy(out, n, s), &v, 4); labels[n++] = v & 1; if (v & 1) break; }"
    tree = Toy((255, 255, 1, *[0] * 5), b"\x01" + bytes(7), (), children)  # what is lost once nobody finds again
    search = explore(tree, ALL)
    limits = itertools.count(search.stats().bytes, 50_000)
    outcomes = [search.run(max_bytes=next(limits), threads=2)]
    while outcomes[-1] is Outcome.MEMORY_LIMIT:
        outcomes.append(search.run(max_bytes=next(limits), threads=2))
    assert len(outcomes) > 20 and outcomes[-1] is Outcome.COMPLETE
    assert search.stats().states == 2**17 - 1 == search.stats().transitions + 1
    assert sorted(search.packed()[:, 0].tolist()) == list(range(1, 2**17))


def test_what_another_search_met_was_not_met_here() -> None:
    toy = TOYS[0]
    began = explore(toy, ALL)
    assert began.run(max_states=100) is Outcome.STATE_LIMIT
    counts = began.counts()
    arrays = {name: began.memory(name, size) for name, size in began.sizes_of(counts).items()}
    search = explore(toy, ALL)
    search.run(max_states=300)
    search.restore(counts, {**arrays, **began.small()})
    assert search.run() is Outcome.COMPLETE
    assert_found(search, toy, plain_search(toy))


MISTAKES = {
    "all was met": ("bool same = same_key(last, key, words);", "bool same = true;"),
    "half of a key is looked at": ("bool same = same_key(last, key, words);", "bool same = *last >> 8 == *key >> 8;"),
    "zeros were met": ("(u64)k * words, first, words * 4ull);", "(u64)k * words, first, 0);"),
    "what came to nothing was met": ("forget_what_was_met(t->helpers[k].e, e->keys.data);", "if (!t->helpers[k].e->lately.data) \\0"),
    "whose edges are kept nobody asks": ("&& !e->n_pending;", ";"),
    "what was met elsewhere was": ("    array_free(e, &e->lately);\n    enum Status", "    enum Status"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_seen(mistake: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = mistake
    text = engine_abi.engine_source()
    assert text.count(right) == 1
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(right, wrong.replace("\\0", right)))

    def look() -> None:
        test_it_is_the_plain_search(ALL, 1)
        test_no_memory_for_what_was_met()
        test_formulas_of_steps_that_are_seen_both_ways_within_a_batch(2, 8, 1)
        test_what_another_search_met_was_not_met_here()

    with pytest.raises(AssertionError):
        look()
