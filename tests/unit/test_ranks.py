"""Ranks: there are some exactly where brute force finds no fair run without q, and none that is not one is accepted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from checker.certificate import check
from checker.certificate.check import Rank
from checker.engine import ranks
from checker.engine.native import Graph
from checker.engine.ranks import FIRST, IS_Q, OUTSIDE, Ranks, ranks_of
from checker.errors import InternalError
from model.lang import Fair
from tests.rigs.brute_force import TinyGraph, violated
from tests.rigs.volume import volume

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

FAIR = [Fair.FREE, Fair.FINITE, Fair.WEAK, Fair.STRONG]


def tiny_graph(rng: random.Random) -> TinyGraph:
    """A label leads from a state to one: a step of a model does."""
    n, labels = rng.randint(1, 6), rng.randint(1, 4)
    ways = {(rng.randrange(n), rng.randrange(labels)): rng.randrange(n) for _ in range(rng.choice([4, 8, 14, 24]))}
    edges = tuple(sorted((src, label, dst) for (src, label), dst in ways.items()))
    p, q = (frozenset(s for s in range(n) if rng.random() < share) for share in (0.5, rng.choice([0.0, 0.2, 0.4])))
    return TinyGraph(n, n, edges, tuple(rng.choices(FAIR, [1, 1, 2, 2], k=labels)), p, q)


def made(tiny: TinyGraph) -> Ranks:
    edges = sorted(tiny.edges)
    row = np.searchsorted([src for src, _, _ in edges], range(tiny.n + 1)).astype(np.uint64)
    target, label = ([edge[k] for edge in edges] for k in (2, 1))
    graph = Graph(row, np.array(target, np.uint32), np.array(label, np.uint16), tiny.initial)
    p, q = (np.array([s in states for s in range(tiny.n)], np.uint8) for states in (tiny.p, tiny.q))
    return ranks_of(graph, tiny.fairness, p, q)


def accepted(tiny: TinyGraph, found: Ranks) -> bool:
    """By the checker, in every state."""
    labels = range(len(tiny.fairness))
    model = SimpleNamespace(moves={(str(a), ()): a for a in labels}, fair=tiny.fairness, names=list(map(str, labels)))
    try:
        rank = Rank("p", found.codes.tolist(), [(outer, str(a), ()) for outer, a in found.classes], model)  # type: ignore[arg-type]
        for s in range(tiny.n):
            rank.check(s, s in tiny.p, s in tiny.q, {a: dst for src, a, dst in tiny.edges if src == s})
    except (ValueError, IndexError, KeyError):
        return False
    return True


@pytest.mark.parametrize("count", [400, pytest.param(volume(3_000, 40_000), marks=pytest.mark.everything)])
def test_there_are_ranks_where_brute_force_finds_no_fair_run(count: int) -> None:
    rng, verdicts, deepest = random.Random(count), Counter[bool](), 0
    for _ in range(count):
        tiny = tiny_graph(rng)
        verdicts[violated(tiny)] += 1
        if violated(tiny):
            with pytest.raises(InternalError, match="a fair run may stay"):
                made(tiny)
        else:
            found = made(tiny)
            assert accepted(tiny, found), tiny
            deepest = max([deepest, *(outer for outer, _ in found.classes)])
    assert (
        min(verdicts.values()) > count / 5 and deepest >= FIRST
    )  # neither is rare, and STRONG ones have classes within


def altered(tiny: TinyGraph, found: Ranks, rng: random.Random) -> tuple[TinyGraph, Ranks]:
    """Another graph, or other ranks: a little different."""
    edges, fairness, codes, classes = list(tiny.edges), list(tiny.fairness), found.codes.copy(), list(found.classes)
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(7)
        if kind == 0:
            fairness[rng.randrange(len(fairness))] = rng.choice(FAIR)
        elif kind == 1 and edges:
            del edges[rng.randrange(len(edges))]
        elif kind == 2 and edges:
            at = rng.randrange(len(edges))
            edges[at] = (*edges[at][:2], rng.randrange(tiny.n))
        elif kind == 3:
            codes[rng.randrange(tiny.n)] = rng.choice([OUTSIDE, IS_Q, *range(FIRST, FIRST + 1 + len(classes))])
        elif kind == 4 and classes:
            at = rng.randrange(len(classes))
            classes[at] = rng.choice(
                [(classes[at][0], rng.randrange(len(fairness))), (rng.randrange(-2, 4), classes[at][1])]
            )
        elif kind == 5 and len(classes) > 1:
            a, b = rng.sample(range(len(classes)), 2)
            classes[a], classes[b] = classes[b], classes[a]
        else:
            return replace(
                tiny, edges=tuple(edges), fairness=tuple(fairness), p=frozenset(range(tiny.n)) - tiny.p
            ), Ranks(codes, classes)
    return replace(tiny, edges=tuple(edges), fairness=tuple(fairness)), Ranks(codes, classes)


@pytest.mark.parametrize("count", [2_000, pytest.param(volume(6_000, 400_000), marks=pytest.mark.everything)])
def test_what_is_accepted_is_true_by_brute_force(count: int) -> None:
    rng, seen = random.Random(count + 1), Counter[tuple[bool, bool]]()
    while seen.total() < count:
        tiny = tiny_graph(rng)
        if violated(tiny):
            continue
        other, ranks_of_other = altered(tiny, made(tiny), rng)
        said, wrong = accepted(other, ranks_of_other), violated(other)
        assert not (said and wrong), (other, ranks_of_other)
        seen[said, wrong] += 1
    assert min(seen[True, False], seen[False, True], seen[False, False]) > count / 50


# Each condition of the checker is needed: without it, something false is accepted.
WITHOUT = {
    "q need not be so where its code says that": ("q or code > IS_Q or", "True or"),
    "the own move need not be enabled": ("and own in edges", ""),
    "the own move may be FREE": ("fair[own] in (Fair.WEAK, Fair.STRONG) and", ""),
    "an outer move may be WEAK": ("fair[a] is Fair.STRONG for", "fair[a] in (Fair.WEAK, Fair.STRONG) for"),
    "it may lead to a later class": ("return b < a", "return True"),
    "the own move may stay": ("if a != b or self.own[a] == move:", "if a != b:"),
    "it may leave the ranks": ("after != OUTSIDE and down", "after == OUTSIDE or down"),
    "FREE moves may lead up": ("fair[move] is Fair.FINITE or", "fair[move] in (Fair.FINITE, Fair.FREE) or"),
}


# 0 <-turn-> 1, and a WEAK move of each leads to q: neither is enabled all the time, so the round is fair.
ROUND = TinyGraph(3, 3, ((0, 0, 1), (0, 1, 2), (1, 0, 0), (1, 2, 2)), (Fair.FREE, Fair.WEAK, Fair.WEAK), frozenset({0}), frozenset({2}))  # fmt: skip
WRONG = [
    Ranks(np.array(codes, np.uint32), classes)
    for codes, classes in (
        ([FIRST, FIRST + 1, IS_Q], [(OUTSIDE, 1), (FIRST, 2)]),  # 1 lies in a class within that of 0
        ([FIRST, FIRST + 1, IS_Q], [(OUTSIDE, 1), (OUTSIDE, 2)]),  # it leads up to 1
    )
]


def false_pairs() -> Iterator[tuple[TinyGraph, Ranks]]:
    """What must not be accepted, and what may be."""
    yield from ((ROUND, wrong) for wrong in WRONG)
    rng = random.Random(7)
    for _ in range(20_000):
        tiny = tiny_graph(rng)
        if not violated(tiny):
            yield altered(tiny, made(tiny), rng)


def test_a_fair_round_has_no_ranks() -> None:
    assert violated(ROUND) and not any(accepted(ROUND, wrong) for wrong in WRONG)


@pytest.mark.parametrize("condition", WITHOUT)
def test_without_a_condition_something_false_is_accepted(condition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, (good, bad) = Path(check.__file__).read_text(), WITHOUT[condition]
    assert source.count(good) == 1
    module: dict[str, object] = {"__name__": "mutant", "__file__": check.__file__}
    exec(compile(source.replace(good, bad), check.__file__, "exec"), module)
    monkeypatch.setitem(globals(), "Rank", module["Rank"])
    assert any(accepted(other, found) and violated(other) for other, found in false_pairs())


def test_the_codes_mean_the_same_on_both_sides() -> None:
    assert (ranks.OUTSIDE, ranks.IS_Q) == (check.OUTSIDE, check.IS_Q) and ranks.FIRST == check.IS_Q + 1
