"""A shortest path of a graph that ends with one of certain edges, and takes none of others before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.engine.native import Graph

Edges = NDArray[np.bool_]  # of each edge of a graph


def sources(graph: Graph) -> NDArray[np.int64]:
    """Where each edge begins."""
    return np.repeat(np.arange(graph.n, dtype=np.int64), np.diff(graph.row).astype(np.int64))


def entering(graph: Graph, through: Edges, last: Edges) -> list[int] | None:
    """The numbers of its edges, from state 0. through: what may be taken before; last: what it ends with."""
    by, depth = np.full(graph.n, -1, np.int64), np.full(graph.n, -1, np.int64)  # the edge that first came there
    frontier, level = np.zeros(1, np.int64), 0
    depth[0] = 0
    source = sources(graph)
    while len(frontier):
        level += 1
        edges = _leaving(graph, frontier)
        edges = edges[through[edges]]
        edges = edges[depth[graph.target[edges]] < 0]
        frontier, first = np.unique(graph.target[edges].astype(np.int64), return_index=True)
        by[frontier], depth[frontier] = edges[first], level
    ends = np.flatnonzero(last & (depth[source] >= 0))
    if not len(ends):
        return None
    edge = int(ends[np.argmin(depth[source[ends]])])
    path = [edge]
    while source[path[-1]] != 0:
        path.append(int(by[source[path[-1]]]))
    return path[::-1]


def _leaving(graph: Graph, states: NDArray[np.int64]) -> NDArray[np.int64]:
    """The edges of these states."""
    first = graph.row[states].astype(np.int64)
    counts = graph.row[states + 1].astype(np.int64) - first
    begins = np.cumsum(counts) - counts
    found: NDArray[np.int64] = np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(first - begins, counts)
    return found
