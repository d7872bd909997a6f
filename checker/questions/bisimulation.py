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
    colour = numbered(np.concatenate([one.states, other.states]))
    sources = np.concatenate([one.sources, other.sources + first_of_other])
    targets = np.concatenate([one.targets, other.targets + first_of_other])
    seen = numbered(np.concatenate([one.edges, other.edges]))
    while colour[0] == colour[first_of_other]:
        finer = refined(colour, sources, targets, seen)
        if finer.max() == colour.max():  # as many colours, and each is one of before: nothing was split
            return True
        colour = finer
    return False


def numbered(rows: NDArray[np.uint64]) -> I64:
    """i64[rows]: equal numbers for equal rows."""
    found = np.zeros(len(rows), np.int64)
    for column in rows.T:
        found = _pairs(found, _dense(column))
    return found


def _dense(values: NDArray[np.generic]) -> I64:
    """Equal numbers, from 0 on, for equal values."""
    numbers: I64 = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return numbers


def _pairs(ones: I64, others: I64) -> I64:
    """Equal numbers, from 0 on, for equal pairs of numbers from 0 on."""
    width = int(others.max(initial=0)) + 1
    assert int(ones.max(initial=0)) < (1 << 62) // width, "a pair is one number of 64 bits"
    return _dense(ones * width + others)


def refined(colour: I64, sources: I64, targets: I64, seen: I64) -> I64:
    """A state's new colour: its old one, and the set of what is seen of its transitions with the colours that they lead to."""
    return split_by(colour, sources, _pairs(seen, colour[targets]))


def split_by(colour: I64, sources: I64, leads: I64) -> I64:
    """A state's new colour: its old one, and the set of numbers (from 0 on) that it leads to."""
    width = int(leads.max(initial=0)) + 1
    each = np.unique(sources * width + leads)  # a state's transitions side by side, in the order of what they show
    sources, leads = each // width, each % width
    begin, end = (np.searchsorted(sources, np.arange(len(colour)), side) for side in ("left", "right"))
    finer, going, fresh = colour.copy(), np.arange(len(colour)), int(colour.max()) + 1
    for k in range(
        int((end - begin).max(initial=0))
    ):  # two states keep one number as long as what they show is the same
        going = going[begin[going] + k < end[going]]
        finer[going] = fresh + _pairs(finer[going], leads[begin[going] + k])
        fresh = int(finer.max()) + 1
    return _dense(finer)
