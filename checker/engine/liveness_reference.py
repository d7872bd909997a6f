"""The question of liveness.py answered slowly and plainly with networkx: the oracle for graph.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import networkx as nx

from checker.engine.liveness import Edge, Lasso
from checker.engine.native import U8, Graph
from model.lang import Fair


def _multigraph(graph: Graph) -> nx.MultiDiGraph[int]:
    whole: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    whole.add_nodes_from(range(graph.n))
    for src in range(graph.n):
        for e in range(int(graph.row[src]), int(graph.row[src + 1])):
            whole.add_edge(src, int(graph.target[e]), key=int(graph.label[e]))
    return whole


class _Search:
    def __init__(self, graph: Graph, fairness: Sequence[Fair], q: U8) -> None:
        self.whole = _multigraph(graph)
        self.fairness = fairness
        self.without_q = [s for s in range(graph.n) if not q[s]]
        self.enabled = {s: {label for _, _, label in self.whole.out_edges(s, keys=True)} for s in self.whole}

    def demanding(self, fair: Fair) -> set[int]:
        return {label for label, f in enumerate(self.fairness) if f is fair}

    def repeatable(self, states: set[int]) -> nx.MultiDiGraph[int]:
        """The graph on `states` without FINITE edges."""
        inside: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        inside.add_nodes_from(states)
        for src, dst, label in self.whole.out_edges(sorted(states), keys=True):
            if dst in states and self.fairness[label] is not Fair.FINITE:
                inside.add_edge(src, dst, key=label)
        return inside

    def fair_sets(self, states: set[int]) -> Iterator[nx.MultiDiGraph[int]]:
        """The largest strongly connected parts of `states` in which some run is fair, cycles only."""
        for component in nx.strongly_connected_components(self.repeatable(states)):
            inside = self.repeatable(component)
            taken = {label for _, _, label in inside.edges(keys=True)}
            always_enabled = set.intersection(*(self.enabled[s] for s in component))
            starved = {a for a in self.demanding(Fair.STRONG) - taken if any(a in self.enabled[s] for s in component)}
            if not taken or (always_enabled & self.demanding(Fair.WEAK)) - taken:
                continue
            if starved:
                yield from self.fair_sets({s for s in component if not self.enabled[s] & starved})
            else:
                yield inside

    def stutters(self, state: int) -> bool:
        return not self.enabled[state] & (self.demanding(Fair.WEAK) | self.demanding(Fair.STRONG))

    def grand_tour(self, inside: nx.MultiDiGraph[int], start: int) -> list[Edge]:
        """A closed walk over every edge of a fair set: as fair as can be, and as long."""
        walk: list[Edge] = []
        at = start
        for src, dst, label in inside.edges(keys=True):
            walk += self.path(inside, at, src)
            walk.append(Edge(src, label, dst))
            at = dst
        return walk + self.path(inside, at, start)

    def path(self, inside: nx.MultiDiGraph[int], src: int, dst: int) -> list[Edge]:
        return self.edges(inside, nx.shortest_path(inside, src, dst))

    def edges(self, graph: nx.MultiDiGraph[int], states: Sequence[int]) -> list[Edge]:
        """One edge of the graph between each two neighbours of a path."""
        return [
            Edge(a, min(label for _, dst, label in graph.out_edges(a, keys=True) if dst == b), b)
            for a, b in pairwise(states)
        ]


def _layers(search: _Search, p: U8) -> nx.DiGraph[tuple[int, bool]]:
    """Points (state, triggered); a run becomes triggered at a p-state and then avoids q."""
    allowed = set(search.without_q)
    layers: nx.DiGraph[tuple[int, bool]] = nx.DiGraph()
    layers.add_nodes_from((s, t) for s in search.whole for t in (False, True))
    for src, dst in search.whole.edges():
        layers.add_edge((src, False), (dst, False), cost=1)
        if src in allowed and dst in allowed:
            layers.add_edge((src, True), (dst, True), cost=1)
    for s in allowed:
        if p[s]:
            layers.add_edge((s, False), (s, True), cost=0)
    return layers


def _states(points: Sequence[tuple[int, bool]]) -> list[int]:
    """The states of a path through the layers; a change of layer is no move."""
    return [points[0][0], *(b for (_, t), (b, u) in pairwise(points) if t == u)]


def find_lasso(graph: Graph, fairness: Sequence[Fair], p: U8, q: U8) -> Lasso | None:
    """As liveness.find_lasso: a fair run with a shortest stem that breaks p ~> q, or None."""
    search = _Search(graph, fairness, q)
    sets = list(search.fair_sets(set(search.without_q)))
    goals = {s for s in search.without_q if search.stutters(s)}.union(*(inside.nodes for inside in sets))
    sources = {(s, False) for s in range(graph.initial)}
    paths = nx.multi_source_dijkstra_path(_layers(search, p), sources, weight="cost")
    stems = {s: _states(paths[s, True]) for s in goals if (s, True) in paths}
    if not stems:
        return None
    end = min(stems, key=lambda s: len(stems[s]))
    states = stems[end]
    stem = search.edges(search.whole, states)
    without_q_from = max((i + 1 for i, s in enumerate(states) if q[s]), default=0)
    trigger = next(i for i, s in enumerate(states) if i >= without_q_from and p[s])
    home = next((inside for inside in sets if end in inside), None)
    cycle = [] if search.stutters(end) or home is None else search.grand_tour(home, end)
    return Lasso(states[0], stem, trigger, cycle)
