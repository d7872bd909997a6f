"""graph.c against networkx, against brute force, and against itself with bugs put in."""

from __future__ import annotations

import ctypes
import random
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from checker.engine import liveness_reference
from checker.engine.liveness import Edge, Lasso, NativeGraph, check_lasso, find_lasso, graph_source, load_graph_library
from checker.engine.native import U8, Graph
from checker.errors import InternalError
from model.lang import Fair
from tests.rigs.brute_force import TinyGraph, shortest_stem, violated
from tests.rigs.volume import at_once, volume

FAIR = [Fair.FREE, Fair.FINITE, Fair.WEAK, Fair.STRONG]


def csr(n: int, initial: int, edges: list[tuple[int, int, int]]) -> Graph:
    edges = sorted(edges)
    row = np.searchsorted([src for src, _, _ in edges], range(n + 1)).astype(np.uint64)
    target = np.array([dst for _, _, dst in edges], np.uint32)
    return Graph(row, target, np.array([label for _, label, _ in edges], np.uint16), initial)


def members(states: frozenset[int], n: int) -> U8:
    return np.array([s in states for s in range(n)], np.uint8)


def arguments(tiny: TinyGraph) -> tuple[Graph, tuple[Fair, ...], U8, U8]:
    graph = csr(tiny.n, tiny.initial, list(tiny.edges))
    return graph, tiny.fairness, members(tiny.p, tiny.n), members(tiny.q, tiny.n)


def random_graph(rng: random.Random) -> TinyGraph:
    n, labels = rng.randint(1, 6), rng.randint(1, 4)
    edges = [
        (rng.randrange(n), rng.randrange(labels), rng.randrange(n))
        for _ in range(rng.randint(0, rng.choice([4, 8, 14, 24])))
    ]
    p, q = (frozenset(s for s in range(n) if rng.random() < share) for share in (0.5, rng.choice([0.0, 0.2, 0.4])))
    fairness = tuple(rng.choices(FAIR, [1, 1, 2, 2], k=labels))
    return TinyGraph(n, rng.randint(1, min(n, 2)), tuple(sorted(set(edges))), fairness, p, q)


def random_graphs(count: int, seed: int) -> Iterator[TinyGraph]:
    rng = random.Random(seed)
    return (random_graph(rng) for _ in range(count))


@st.composite
def tiny_graphs(draw: st.DrawFn) -> TinyGraph:
    n, labels = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    states = st.integers(0, n - 1)
    edges = draw(st.sets(st.tuples(states, st.integers(0, labels - 1), states), max_size=16))
    fairness = draw(st.tuples(*[st.sampled_from(FAIR)] * labels))
    p, q = draw(st.frozensets(states)), draw(st.frozensets(states, max_size=n // 2))
    return TinyGraph(n, draw(st.integers(1, n)), tuple(sorted(edges)), fairness, p, q)


def assert_all_agree(tiny: TinyGraph) -> bool:
    expected = shortest_stem(tiny)
    assert (expected is not None) == violated(tiny)
    for search in (find_lasso, liveness_reference.find_lasso):
        lasso = search(*arguments(tiny))
        assert (None if lasso is None else len(lasso.stem)) == expected, search.__module__
        if lasso is not None:
            check_lasso(*arguments(tiny), lasso)
    return expected is not None


@pytest.mark.everything
@given(tiny_graphs())
@settings(max_examples=volume(200, 20_000), deadline=None, database=None)
def test_three_deciders_agree_on_drawn_graphs(tiny: TinyGraph) -> None:
    assert_all_agree(tiny)


@pytest.mark.parametrize("count", [400, pytest.param(volume(2_600, 40_000), marks=pytest.mark.everything)])
def test_three_deciders_agree_on_random_graphs(count: int) -> None:
    verdicts = [assert_all_agree(tiny) for tiny in random_graphs(count, seed=count)]
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8  # neither answer is rare


# Each bug replaces one text of graph.c; the comparison must notice every one of them.
MUTANTS = {
    "FINITE in the cycle": ("!= FINITE;", "!= 99;"),
    "WEAK judged by taken only": ("judge->enabling[label] == size", "true"),
    "WEAK forgotten": ("fairness == WEAK && !taken", "false && !taken"),
    "STRONG treated as WEAK": ("STRONG && !taken", "STRONG && !taken && judge->enabling[label] == size"),
    "STRONG spoils the whole component": ("if (verdict == FAIR) verdict = TRIM;", "verdict = DEAD;"),
    "q in the cycle": ("memcpy(alive, region, graph->n)", "memset(alive, 1, graph->n)"),
    "q after the trigger": ("!triggered || stem->region[g->target[e]]", "true"),
    "no trigger needed": ("stem->trigger[point / 2]", "true"),
    "stopping ignores STRONG": ("fairness == WEAK || fairness == STRONG) stutter", "fairness == WEAK) stutter"),
    "only one look": ("left = sift(", "left = 0, sift("),
    "enabled by inside edges only": (
        "if (judge->last[label] != s) {",
        "if (scc->rank[g->target[e]] == scc->rank[s] && judge->last[label] != s) {",
    ),
    "the cycle owes nothing to labels": ("if (hunt->take[g->label[e]])", "if (false)"),
    "a state counts twice": ("judge->last[label] != s", "true"),
}


GRAPHS = random_graphs(volume(5_000, 20_000), seed=2)
_judged: list[tuple[TinyGraph, int | None]] = []  # those that were shown to a bug, with what brute force says of them


def judged() -> Iterator[tuple[TinyGraph, int | None]]:
    """From the first one; each is judged once for all bugs."""
    yield from _judged
    for tiny in GRAPHS:
        _judged.append((tiny, shortest_stem(tiny)))
        yield _judged[-1]


def is_noticed(library: ctypes.CDLL) -> bool:
    """The bug that hides longest is seen in graph 2,588."""
    for tiny, expected in judged():
        try:
            lasso = find_lasso(*arguments(tiny), library)
        except InternalError:
            return True
        if (None if lasso is None else len(lasso.stem)) != expected:
            return True
    return False


@pytest.mark.parametrize("bug", at_once(MUTANTS, 7))
def test_bug_in_graph_c_is_noticed(bug: str) -> None:
    good, bad = MUTANTS[bug]
    assert graph_source().count(good) == 1
    assert is_noticed(load_graph_library(graph_source().replace(good, bad)))


@pytest.mark.everything
def test_shipped_graph_c_passes_what_the_bugs_fail() -> None:
    assert not is_noticed(load_graph_library(graph_source()))


# 0 -start-> 1 <=> 2, 1 -out-> 3 (q), 2 -fin-> 2
START, TURN, BACK, OUT, FIN = range(5)
DIAMOND = csr(4, 1, [(0, START, 1), (1, TURN, 2), (2, BACK, 1), (1, OUT, 3), (2, FIN, 2)])
ROUND = [Edge(1, TURN, 2), Edge(2, BACK, 1)]
STEM = [Edge(0, START, 1)]
WEAK_OUT = (Fair.WEAK, Fair.WEAK, Fair.WEAK, Fair.WEAK, Fair.FINITE)
P, Q = members(frozenset({0, 1}), 4), members(frozenset({3}), 4)


def test_weak_exit_is_avoided_by_walking_in_circles() -> None:
    assert find_lasso(DIAMOND, WEAK_OUT, P, Q) == Lasso(0, STEM, 0, ROUND)


def test_strong_exit_is_taken() -> None:
    strong = (Fair.WEAK, Fair.WEAK, Fair.WEAK, Fair.STRONG, Fair.FINITE)
    assert find_lasso(DIAMOND, strong, P, Q) is None


def test_free_labels_allow_stopping_at_once() -> None:
    assert find_lasso(DIAMOND, (Fair.FREE,) * 5, P, Q) == Lasso(0, [], 0, [])


@pytest.mark.parametrize(
    ("lasso", "complaint"),
    [
        (Lasso(1, [], 0, ROUND), "initial"),
        (Lasso(0, [Edge(0, OUT, 1)], 0, ROUND), "next edge"),
        (Lasso(0, [Edge(0, START, 2)], 0, []), "next edge"),
        (Lasso(0, STEM, 0, ROUND[1:]), "next edge"),
        (Lasso(0, STEM, 0, ROUND[:1]), "close"),
        (Lasso(0, STEM, 2, ROUND), "trigger"),
        (Lasso(0, [*STEM, ROUND[0]], 2, [Edge(2, BACK, 1), Edge(1, TURN, 2)]), "trigger"),
        (Lasso(0, [*STEM, Edge(1, OUT, 3)], 0, []), "q holds"),
        (Lasso(0, STEM, 0, []), "WEAK label 1 is starved"),
        (Lasso(0, STEM, 0, [ROUND[0], Edge(2, FIN, 2), ROUND[1]]), "FINITE"),
    ],
)
def test_check_refuses_wrong_story(lasso: Lasso, complaint: str) -> None:
    with pytest.raises(InternalError, match=complaint):
        check_lasso(DIAMOND, WEAK_OUT, P, Q, lasso)


def test_check_refuses_starved_strong_label() -> None:
    with pytest.raises(InternalError, match="STRONG label 3"):
        check_lasso(DIAMOND, (*WEAK_OUT[:3], Fair.STRONG, Fair.FINITE), P, Q, Lasso(0, STEM, 0, ROUND))


def test_malformed_graph_is_refused() -> None:
    unknown_label = Graph(DIAMOND.row, DIAMOND.target, DIAMOND.label + np.uint16(9), 1)
    outside = Graph(DIAMOND.row, DIAMOND.target + np.uint32(3), DIAMOND.label, 1)
    short = Graph(DIAMOND.row[:-1], DIAMOND.target, DIAMOND.label, 1)
    for graph in (unknown_label, outside, short):
        with pytest.raises(ValueError):
            find_lasso(graph, WEAK_OUT, P, Q)


def large_graph(n: int, edges: int, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    src = np.sort(rng.integers(0, n, edges))
    near = (src + rng.integers(-20, 20, edges)) % n  # clusters: many components of many sizes
    row = np.searchsorted(src, np.arange(n + 1)).astype(np.uint64)
    return Graph(row, near.astype(np.uint32), rng.integers(0, 4, edges).astype(np.uint16), 1)


@pytest.mark.parametrize("density", [0.8, 1.1, 1.5, 3.0])
def test_components_equal_scipy(density: float) -> None:
    n = 50_000
    graph = large_graph(n, int(density * n), seed=int(density * 10))
    region = (np.random.default_rng(3).random(n) < 0.9).astype(np.uint8)
    ours = NativeGraph(graph, [Fair.FREE, Fair.FREE, Fair.WEAK, Fair.FINITE]).components(region)
    src = np.searchsorted(graph.row, np.arange(len(graph.target)), side="right") - 1
    kept = (graph.label != 3) & (region[src] == 1) & (region[graph.target] == 1)
    matrix = csr_array((np.ones(int(kept.sum()), np.int8), (src[kept], graph.target[kept])), shape=(n, n))
    _, theirs = connected_components(matrix, connection="strong")
    inside = region == 1
    pairs = set(zip(ours[inside].tolist(), theirs[inside].tolist(), strict=True))
    assert len(pairs) == len(set(ours[inside].tolist())) == len(set(theirs[inside].tolist()))
    assert not ours[~inside].any()


@pytest.mark.everything
def test_long_chain_needs_no_recursion_and_long_cycle_is_fair() -> None:
    """On a stack of 256 kB, which 20,000 calls one inside the other do not fit in."""
    n, found = 20_000, list[Lasso | None]()
    s = np.arange(n)
    ring = Graph(np.arange(n + 1, dtype=np.uint64), ((s + 1) % n).astype(np.uint32), (s % 3).astype(np.uint16), 1)

    def look() -> None:
        found.append(find_lasso(ring, [Fair.STRONG] * 3, np.ones(n, np.uint8), np.zeros(n, np.uint8)))

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=look)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    (lasso,) = found
    assert lasso is not None and not lasso.stem and len(lasso.cycle) == n
