"""Two graphs are bisimilar iff the largest relation that respects what is seen has their first states."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from checker.engine.prepare import Prepared
from checker.engine.reference import Reference, bindings_of, is_of_edges
from checker.engine.search import Limits, NativeSearch
from checker.matrix.roles import all_properties
from checker.questions.bisimulation import Coloured, bisimilar
from checker.questions.verdict import asked_of
from tests.rigs.model_cells import one_cell

Edge = tuple[int, int, int]  # source, what is seen, target


def graph(colours: str, *edges: Edge) -> Coloured:
    """colours: a letter for each state."""
    sources, seen, targets = (np.array([e[k] for e in edges], np.int64) for k in range(3))
    states = np.array([[ord(c)] for c in colours], np.uint64)
    return Coloured(states, sources, targets, seen.astype(np.uint64)[:, None])


ROUND = graph("ab", (0, 1, 1), (1, 1, 0))
CASES = [
    ("itself", ROUND, ROUND, True),
    ("twice as long", ROUND, graph("abab", (0, 1, 1), (1, 1, 2), (2, 1, 3), (3, 1, 0)), True),
    ("its first state", ROUND, graph("ba", (0, 1, 1), (1, 1, 0)), False),
    ("a state's colour, far away", graph("aab", (0, 1, 1), (1, 1, 2)), graph("aac", (0, 1, 1), (1, 1, 2)), False),
    ("what is seen of a step", ROUND, graph("ab", (0, 2, 1), (1, 1, 0)), False),
    ("an end", ROUND, graph("ab", (0, 1, 1)), False),
    ("one step more", graph("ab", (0, 1, 1)), graph("abb", (0, 1, 1), (0, 1, 2)), True),
    ("when it is chosen", graph("abcd", (0, 1, 1), (1, 1, 2), (1, 1, 3)), graph("abbcd", (0, 1, 1), (0, 1, 2), (1, 1, 3), (2, 1, 4)), False),
    ("nothing", graph(""), graph(""), True),
    ("a state against nothing", graph(""), graph("a"), False),
    ("no step at all", graph("a"), graph("a"), True),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "same"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_an_observer_tells(one, other, same):
    assert bisimilar(one, other) is bisimilar(other, one) is same


def slowly(one: Coloured, other: Coloured) -> bool:
    """The greatest fixpoint, by its definition."""
    graphs = one, other
    out: list[dict[int, set[tuple[Any, int]]]] = [{s: set() for s in range(len(g.states))} for g in graphs]
    for g, of in zip(graphs, out, strict=True):
        for source, seen, target in zip(g.sources, g.edges, g.targets, strict=True):
            of[int(source)].add((tuple(seen), int(target)))
    pairs = {
        (s, t) for s, t in itertools.product(*out) if tuple(one.states[s]) == tuple(other.states[t])
    }  # fmt: skip
    while True:
        kept = {
            (s, t)
            for s, t in pairs
            if all(any(a == b and (x, y) in pairs for b, y in out[1][t]) for a, x in out[0][s])
            and all(any(a == b and (x, y) in pairs for a, x in out[0][s]) for b, y in out[1][t])
        }
        if kept == pairs:
            return (0, 0) in pairs
        pairs = kept


def test_as_the_definition_says_of_random_graphs():
    dice, answers = random.Random(3), []
    for _ in range(400):
        pair = []
        for _ in range(2):
            n = dice.randint(1, 4)
            edges = [(dice.randrange(n), dice.randrange(2), dice.randrange(n)) for _ in range(dice.randint(0, 5))]
            pair.append(graph("".join(dice.choice("aab") for _ in range(n)), *edges))
        answers.append(slowly(*pair))
        assert bisimilar(*pair) is answers[-1]
    assert 40 < sum(answers) < 360


def test_what_the_formulas_say_of_each_edge_is_what_cpython_says():
    cell = one_cell("base", "qemu", "0x11", "any", scope="cpus=1,pins=1,vectors=1")
    prepared = Prepared(cell.system, cell.scope, asked_of(cell, list(all_properties().values())))
    reference = Reference(cell.system, cell.scope)
    search = NativeSearch(prepared.program, reference, keep_edges=True, prepared=prepared)
    search.run(Limits(), None)
    asked = [
        (p.function, values) for p in prepared.properties if is_of_edges(p) for values in bindings_of(p, cell.scope)
    ]
    said, of_graph = search.exploration.eval_edges(), search.graph()
    assert len(said) == len(of_graph.target) > 50 and len(asked) > 10
    sources = np.repeat(np.arange(of_graph.n), np.diff(of_graph.row).astype(np.int64))
    for edge in random.Random(1).sample(range(len(said)), 40):
        states = search.codes(int(sources[edge])), search.codes(int(of_graph.target[edge]))
        expected = reference.all_hold_on_edge(asked, *states)
        assert [bool(said[edge, k // 64] >> np.uint64(k % 64) & np.uint64(1)) for k in range(len(asked))] == expected
    assert not (said == said[0]).all()
