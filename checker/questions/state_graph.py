"""The reachable states of one small cell as a graph: states that are alike in the fields that are shown are one node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import networkx as nx

from checker.engine.reference import Codes, Explored, Reference, bindings_of, is_of_edges
from checker.errors import UserError
from checker.language.layout import leaves
from checker.language.refusal import did_you_mean
from checker.matrix.cells import Cell
from checker.stories.replay import FieldName, field_name, is_set
from checker.stories.trace import show
from checker.words import count
from model.finite import IntType, decode
from model.lang import Kind, Property

EVERY = "all"  # fields
MOST_STATES = 50_000  # that are explored for a picture, which takes some seconds in CPython
MOST_NODES, MOST_EDGES = 40, 60  # that one looks at


@dataclass
class Node:
    """States that are alike. values: (lane, text) of each field that is not as it is by default; shows: one of them
    violates the invariant that is asked, or is the witness; starts: the initial state is one."""

    values: tuple[tuple[str, str], ...]
    states: int = 0
    shows: bool = False
    starts: bool = False


@dataclass
class StateGraph:
    """of: the node numbers, with who goes where; steps: (from, to) -> the names of the steps that do."""

    nodes: list[Node]
    of: nx.DiGraph[int]
    steps: dict[tuple[int, int], list[str]] = field(default_factory=dict[tuple[int, int], list[str]])
    states: int = 0
    transitions: int = 0
    hidden: int = 0  # transitions within a node


def state_graph(cell: Cell, by: Sequence[str], p: Property | None) -> StateGraph:
    """Raises UserError for an unknown field, a property of runs or steps, and for a graph that is too large to look at."""
    if p is not None and (p.kind == Kind.LEADS_TO or is_of_edges(p)):
        what = "runs" if p.kind == Kind.LEADS_TO else "steps"
        raise UserError(
            f"--property {p.name} is about {what}, and no state shows it: eoi trace tells how it comes about"
        )
    if p is not None and (why := p.why_not(cell.system)):
        raise UserError(f"--property {p.name} says nothing of {cell}: {why}")
    reference, names = Reference(cell.system, cell.scope), _fields(cell, by)
    found = reference.explore(MOST_STATES)
    if found.stopped is not None:
        why = "stores out of range" if found.error is not None else f"has more than {MOST_STATES:,} states"
        raise UserError(f"{cell} {why}: too many to draw; give smaller sizes (--scope cpus=1,pins=1) or another guest")
    merge = Merge(found, [(place, name) for place, name in names if len({s[place] for s in found.states}) > 1], cell)
    graph = merge.graph(reference)
    if len(graph.nodes) > MOST_NODES or len(graph.steps) > MOST_EDGES:
        shown = [name.text for _, name in merge.fields]
        raise UserError(
            f"{cell}: {count(len(graph.nodes), 'node')} and {count(len(graph.steps), 'edge')} of {graph.states:,} states are "
            f"too many to look at (at most {MOST_NODES} and {MOST_EDGES}). "
            f"Show fewer fields (--by), now {', '.join(shown[:6])}{', ...' if len(shown) > 6 else ''}; or give smaller "
            "sizes (--scope cpus=1,pins=1,vectors=1)"
        )
    for state, number in zip(found.states, merge.numbers, strict=True):
        graph.nodes[number].shows |= p is not None and _shows(reference, p, state)
    return graph


def _shows(reference: Reference, p: Property, state: Codes) -> bool:
    """Whether a state violates the invariant, or is the witness."""
    said = (reference.holds(p.function, values, state) for values in bindings_of(p, reference.scope))
    return any(holds is (p.kind == Kind.REACHABLE) for holds in said)


def _fields(cell: Cell, by: Sequence[str]) -> list[tuple[int, FieldName]]:
    """Place and name of those to show, in layout order. Raises UserError with the nearest name."""
    state = list(leaves(cell.system.state_type(cell.scope)))
    named = [(place, field_name(cell.system, leaf)) for place, leaf in enumerate(state)]
    if not by:
        return [(place, name) for place, name in named if name.drawn == "bar"]
    wanted = set[int]()
    for one in by:
        fitting = {n for n, name in named if one in (EVERY, name.text, name.short, str(state[n]))}
        if not fitting:
            near = did_you_mean(one, {EVERY, *(name.short for _, name in named), *(name.text for _, name in named)})
            raise UserError(
                f"--by {one}: no field is called so: {near or 'eoi trace --full shows what they are called'}"
            )
        wanted |= fitting
    return [named[place] for place in sorted(wanted)]


class Merge:
    """The quotient of what was explored. fields: place and name of those by which states are told apart."""

    def __init__(self, found: Explored, fields: Sequence[tuple[int, FieldName]], cell: Cell) -> None:
        self.found, self.fields = found, fields
        self.types = [leaf.type for leaf in leaves(cell.system.state_type(cell.scope))]
        keys = [tuple(state[place] for place, _ in fields) for state in found.states]
        self.keys = list(dict.fromkeys(keys))
        number = {key: n for n, key in enumerate(self.keys)}
        self.numbers = [number[key] for key in keys]  # of the node that a state is in

    def graph(self, reference: Reference) -> StateGraph:
        """An edge says that some state of one node goes to some state of another."""
        counts = Counter(self.numbers)
        nodes = [Node(self._values(key), counts[n], starts=n == 0) for n, key in enumerate(self.keys)]
        graph = StateGraph(nodes, nx.DiGraph(), states=len(self.found.states), transitions=len(self.found.edges))
        graph.of.add_nodes_from(range(len(nodes)))
        for source, move, target in self.found.edges:
            edge = self.numbers[source], self.numbers[target]
            if edge[0] == edge[1]:
                graph.hidden += 1
                continue
            graph.of.add_edge(*edge)
            names = graph.steps.setdefault(edge, [])
            told = _told(reference.moves[move].step, tuple(map(show, reference.moves[move].args)))
            names += [told] * (told not in names)
        return graph

    def _values(self, key: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
        """What is set, with its lane."""
        found, shorts = list[tuple[str, str]](), [name.short for _, name in self.fields]
        for (place, name), code in zip(self.fields, key, strict=True):
            value = decode(self.types[place], code)
            text = name.short if shorts.count(name.short) == 1 else name.text
            if is_set(value) and not (isinstance(self.types[place], IntType) and value == 0):
                found.append((name.lane, text if value is True else f"{text} {show(value)}"))
        return tuple(found)


def ends(graph: StateGraph) -> set[int]:
    """The nodes that one does not get away from: of the components that nothing leaves, if there is more than one."""
    inner = nx.condensation(graph.of)
    last = [inner.nodes[n]["members"] for n in inner if inner.out_degree(n) == 0]
    return set().union(*last) if len(inner) > 1 else set()


def _told(step: str, args: Collection[str]) -> str:
    """A step without the zeroes of a cell in which there is one of each."""
    return f"{step}({', '.join(args)})" if any(arg != "0" for arg in args) else step
