"""Can an observer tell two graphs apart, who sees each state's colour and each transition's, and never a state itself?

Strong bisimulation, decided by refining colours until they are stable (the partition refinement of Kanellakis and
Smolka, on the union of both graphs). Colours are compared, never their hashes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Coloured:
    """A graph whose first state is state 0. states: u64[n, k], what is seen of each; sources and targets: i64[m]; edges:
    u64[m, l], what is seen of each transition."""

    states: NDArray[np.uint64]
    sources: I64
    targets: I64
    edges: NDArray[np.uint64]

    def without(self, dropped: NDArray[np.bool_]) -> Coloured:
        """Without these transitions."""
        kept = ~dropped
        return Coloured(self.states, self.sources[kept], self.targets[kept], self.edges[kept])


def bisimilar(one: Coloured, other: Coloured) -> bool:
    """Do both show the same, whatever is done, from their first states on?"""
    if not len(one.states) or not len(other.states):
        return len(one.states) == len(other.states)
    first_of_other = len(one.states)
    colour = _numbered(np.concatenate([one.states, other.states]))
    sources = np.concatenate([one.sources, other.sources + first_of_other])
    targets = np.concatenate([one.targets, other.targets + first_of_other])
    seen = _numbered(np.concatenate([one.edges, other.edges]))
    while colour[0] == colour[first_of_other]:
        finer = _refined(colour, sources, targets, seen)
        if finer.max() == colour.max():  # as many colours, and each is one of before: nothing was split
            return True
        colour = finer
    return False


def _numbered(rows: NDArray[np.uint64]) -> I64:
    """i64[rows]: equal numbers for equal rows."""
    if not rows.shape[1]:
        return np.zeros(len(rows), np.int64)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _refined(colour: I64, sources: I64, targets: I64, seen: I64) -> I64:
    """A state's new colour: its old one, and the set of what is seen of its transitions with the colours that they lead to."""
    leads = np.stack([sources, seen, colour[targets]], axis=1)
    leads = np.unique(leads, axis=0) if len(leads) else leads
    ends = np.searchsorted(leads[:, 0], np.arange(len(colour)), side="right")
    pairs, begin, found = np.ascontiguousarray(leads[:, 1:]), 0, dict[tuple[int, bytes], int]()
    finer = np.empty(len(colour), np.int64)
    for state, end in enumerate(ends.tolist()):
        key = int(colour[state]), pairs[begin:end].tobytes()
        finer[state] = found.setdefault(key, len(found))
        begin = end
    return finer
