"""The shortest path that ends with certain edges and avoids others before, against one that tries all paths."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from checker.engine.entering import entering, sources
from checker.engine.native import Graph

pytestmark = pytest.mark.unit


def graph_of(n: int, edges: list[tuple[int, int]]) -> Graph:
    edges = sorted(edges)
    row = np.searchsorted([a for a, _ in edges], range(n + 1)).astype(np.uint64)
    return Graph(row, np.array([b for _, b in edges], np.uint32), np.zeros(len(edges), np.uint16), 1)


def length_by_trying(graph: Graph, through: list[bool], last: list[bool]) -> int | None:
    """Of the shortest, by looking at every set of states that can be reached in so many steps."""
    source, here = sources(graph).tolist(), {0}
    for steps in range(1, graph.n + 2):
        leaving = [k for k, s in enumerate(source) if s in here]
        if any(last[k] for k in leaving):
            return steps
        here = {int(graph.target[k]) for k in leaving if through[k]}
    return None


@pytest.mark.parametrize("seed", range(60))
def test_it_is_the_shortest_and_keeps_to_what_is_allowed(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.randint(1, 9)
    graph = graph_of(n, [(rng.randrange(n), rng.randrange(n)) for _ in range(rng.randint(0, 20))])
    count = len(graph.target)
    through = [rng.random() < 0.7 for _ in range(count)]
    last = [rng.random() < 0.15 for _ in range(count)]
    path = entering(graph, np.array(through, np.bool_), np.array(last, np.bool_))
    assert (path and len(path)) == length_by_trying(graph, through, last)
    if path is not None:
        source = sources(graph)
        assert source[path[0]] == 0 and last[path[-1]] and all(through[k] for k in path[:-1])
        assert all(graph.target[a] == source[b] for a, b in itertools.pairwise(path))


def test_nothing_is_found_where_nothing_leads() -> None:
    graph = graph_of(3, [(0, 1), (1, 2)])
    every, none = np.ones(2, np.bool_), np.zeros(2, np.bool_)
    assert entering(graph, every, none) is None and entering(graph, none, np.array([False, True])) is None
    assert entering(graph, none, np.array([True, False])) == [0] and entering(
        graph, every, np.array([False, True])
    ) == [0, 1]
