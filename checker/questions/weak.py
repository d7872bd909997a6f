"""Weak bisimulation of two graphs: what an observer can tell who does not see every step.

A transition is *silent* (label SILENT) if nobody who looks sees it. Two states are alike if whatever one can come to show,
after any number of silent steps, the other can, too, and come to a state that is alike again; and if either both or none
can take silent steps for ever (divergence counts, where Milner's weak bisimulation does not look).

Decided exactly: the graph is first made smaller by strong bisimulation, and then refined over its weak transitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.questions.bisimulation import I64, refined, split_by

SILENT = 0
MOST = 20_000_000  # transitions that are looked at: some 2 GB


class TooLarge(Exception):
    """More transitions than there is room for: nothing is said."""


def no_tick() -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Labelled:
    """States 0..n-1. colour: i64[n], what is read of each; edges: i64[m, 3], source, label, target; label SILENT is unseen."""

    colour: I64
    edges: I64

    @property
    def n(self) -> int:
        return len(self.colour)


@dataclass(frozen=True)
class Quotient:
    """A graph of which states are alike, for all that can be told. of: i64[states], the class of each state of the first one."""

    graph: Labelled
    of: I64


def strong_quotient(graph: Labelled, tick: Callable[[], None] = no_tick) -> Quotient:
    """One state for all that strong bisimulation takes for one; silent steps count as steps. tick: called now and then; may
    raise. Raises TooLarge."""
    _check(len(graph.edges))
    edges = _distinct(graph.edges, graph.n)
    colour = np.unique(graph.colour, return_inverse=True)[1].reshape(-1).astype(np.int64)
    while True:
        tick()
        finer = refined(colour, edges[:, 0], edges[:, 2], edges[:, 1])
        if finer.max(initial=0) == colour.max(initial=0):
            break
        colour = finer
    first = np.unique(colour, return_index=True)[1]
    kept = np.stack([colour[edges[:, 0]], edges[:, 1], colour[edges[:, 2]]], axis=1)
    return Quotient(Labelled(graph.colour[first], _distinct(kept, len(first))), colour)


def diverging(graph: Labelled) -> NDArray[np.bool_]:
    """bool[n]: from here silent steps may follow each other for ever."""
    silent = graph.edges[graph.edges[:, 1] == SILENT]
    alive = np.ones(graph.n, np.bool_)
    while True:
        goes_on = np.zeros(graph.n, np.bool_)
        goes_on[silent[alive[silent[:, 2]], 0]] = True
        goes_on &= alive
        if (goes_on == alive).all():
            return alive
        alive = goes_on


def weakly_alike(graph: Labelled, one: int, other: int, tick: Callable[[], None] = no_tick) -> bool:
    """tick: called now and then; may raise. Raises TooLarge."""
    diverges = diverging(graph).astype(np.int64)
    colour = np.unique(graph.colour * 2 + diverges, return_inverse=True)[1].reshape(-1).astype(np.int64)
    while colour[one] == colour[other]:
        tick()
        finer = split_by(colour, *weak_steps(graph, colour))
        if finer.max(initial=0) == colour.max(initial=0):
            return True
        colour = finer
    return False


def weak_steps(graph: Labelled, colour: I64) -> tuple[I64, I64]:
    """(states, numbers from 0 on): the colours that each state can come to by silent steps, and what it can show next, with
    silent steps before it, and the colours that it can then come to, with silent steps after it. Raises TooLarge."""
    silent = graph.edges[graph.edges[:, 1] == SILENT]
    seen = graph.edges[graph.edges[:, 1] != SILENT]
    before = Rows(silent[:, 2], silent[:, 0], graph.n)
    colours = int(colour.max(initial=0)) + 1
    states, reached = spread(before, np.arange(graph.n), colour, colours)
    ends = Rows(states, reached, graph.n)
    _check(ends.count(seen[:, 2]))
    number, last = ends.joined(np.arange(len(seen)), seen[:, 2])
    shown, items = np.unique(seen[number, 1] * colours + last, return_inverse=True)
    showing, leads = spread(before, seen[number, 0], items.reshape(-1), max(len(shown), 1))
    return np.concatenate([states, showing]), np.concatenate([reached, leads + colours])


def spread(before: Rows, states: I64, items: I64, width: int) -> tuple[I64, I64]:
    """(states, items): each state's own, and those of the states that silent steps lead to. before: the sources of the silent
    steps to each state. items are numbers below width. Raises TooLarge."""
    known: I64 = np.unique(states * width + items).astype(np.int64)
    fresh = known
    while len(fresh):
        _check(len(known) + before.count(fresh // width))
        carried, sources = before.joined(fresh % width, fresh // width)
        fresh = np.setdiff1d(sources * width + carried, known).astype(np.int64)
        known = np.union1d(known, fresh).astype(np.int64)
    return known // width, known % width


class Rows:
    """Pairs by their first half, to be looked up."""

    def __init__(self, keys: I64, values: I64, n: int) -> None:
        order = np.argsort(keys, kind="stable")
        self.values = values[order]
        self.begin = np.searchsorted(keys[order], np.arange(n + 1))

    def count(self, keys: I64) -> int:
        return int((self.begin[keys + 1] - self.begin[keys]).sum())

    def joined(self, carried: I64, keys: I64) -> tuple[I64, I64]:
        """(carried, value) for each value of each key."""
        counts = self.begin[keys + 1] - self.begin[keys]
        ends = np.cumsum(counts)
        at = np.arange(self.count(keys)) - np.repeat(ends - counts, counts) + np.repeat(self.begin[keys], counts)
        return np.repeat(carried, counts), self.values[at]


def _distinct(edges: I64, n: int) -> I64:
    """i64[m, 3]: each edge once, in order; n: of states."""
    labels, size = int(edges[:, 1].max(initial=0)) + 1, max(n, 1)
    if size * size * labels >= 1 << 62:  # an edge is one number of 64 bits
        raise TooLarge
    found = np.unique((edges[:, 0] * labels + edges[:, 1]) * size + edges[:, 2])
    return np.stack([found // size // labels, found // size % labels, found % size], axis=1)


def _check(size: int) -> None:
    if size > MOST:
        raise TooLarge
