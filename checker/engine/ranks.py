"""Why p is always followed by q, as something that others can check state by state: the opposite of a lasso.

Every state where q is still to come (it can be reached from p without q) gets a class. A class names a label, its own, and
may lie in another class. Among those that lie in the same one: an edge that may repeat never leads to a later class, and one
with the class's own label never back into it; all states of the class enable the label if it is WEAK, and those that lie in
no class within it if it is STRONG. certificate/check.py says why no fair run stays then, and looks at each state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from checker.engine.liveness import NativeGraph
from checker.engine.native import U8, U32, Graph
from checker.errors import InternalError
from model.lang import Fair

OUTSIDE, IS_Q, FIRST = 0, 1, 2  # codes of states: q need not come; it is there; the first class
_NOWHERE = -1


@dataclass
class Ranks:
    """codes: of each state. classes: (the class that it lies in or OUTSIDE, its label), the first one is number FIRST."""

    codes: U32
    classes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def ranks_of(graph: Graph, fairness: Sequence[Fair], p: U8, q: U8) -> Ranks:
    """Raises InternalError if there is a fair run on which p is not followed by q: then there are none."""
    native = NativeGraph(graph, fairness)
    region = _awaiting(graph, np.asarray(p != 0) & np.asarray(q == 0), np.asarray(q == 0))
    found = Ranks(np.where(q != 0, IS_Q, OUTSIDE).astype(np.uint32))
    _rank(native, region, OUTSIDE, found)
    return found


def _awaiting(graph: Graph, trigger: NDArray[np.bool_], without_q: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The states that can be reached from a trigger without q."""
    source = np.repeat(np.arange(graph.n), (graph.row[1:] - graph.row[:-1]).astype(np.int64))
    region, new = trigger.copy(), trigger
    while new.any():
        after = np.zeros(graph.n, np.bool_)
        after[graph.target[new[source]]] = True
        new = after & without_q & ~region
        region |= new
    return region


def _rank(native: NativeGraph, region: NDArray[np.bool_], outer: int, found: Ranks) -> None:
    """Give each state of the region a class in `outer`, and what is left of STRONG ones classes within these."""
    if not region.any():
        return
    components = native.components(np.ascontiguousarray(region, np.uint8))
    members = dict[int, list[int]]()
    for state in np.flatnonzero(region).tolist():
        members.setdefault(int(components[state]), []).append(state)
    keys, classes = dict[int, int](), dict[int, list[int]]()  # of components; the states of each key
    for component in sorted(members, reverse=True):  # graph.c numbers those first that lead to no other
        keys[component] = _key(native, members[component], components, region, keys)
        classes.setdefault(keys[component], []).extend(members[component])
    for key in sorted(classes):
        number, label = FIRST + len(found.classes), key % len(native.fairness)
        found.classes.append((outer, label))
        found.codes[classes[key]] = number
    for key in sorted(classes):
        label = key % len(native.fairness)
        if native.fairness[label] is Fair.STRONG:
            within = np.zeros(native.graph.n, np.bool_)
            within[[state for state in classes[key] if label not in _labels(native.graph, state)]] = True
            _rank(native, within, int(found.codes[classes[key][0]]), found)


def _key(
    native: NativeGraph, states: Sequence[int], components: U32, region: NDArray[np.bool_], keys: Mapping[int, int]
) -> int:  # fmt: skip
    """What orders a component among the others: k * labels + its own label, as low as where its edges lead allows."""
    graph, labels, here = native.graph, len(native.fairness), int(components[states[0]])
    taken, enabling = set[int](), dict[int, int]()
    lowest, by_label = 0, dict[int, int]()  # the key that it may share with what it leads to, but not by its own label
    for state in states:
        first, last = graph.row[state : state + 2].tolist()
        pairs = list(zip(graph.label[first:last].tolist(), graph.target[first:last].tolist(), strict=True))
        for label in {label for label, _ in pairs}:
            enabling[label] = enabling.get(label, 0) + 1
        for label, target in pairs:
            if not region[target] or native.fairness[label] is Fair.FINITE:
                continue
            if components[target] == here:
                taken.add(label)
            else:
                key = keys[int(components[target])]
                lowest, by_label[label] = max(lowest, key), max(by_label.get(label, _NOWHERE), key)
    owed = [a for a, n in enabling.items() if a not in taken and _starves(native.fairness[a], n == len(states))]
    if not owed:
        raise InternalError(f"a fair run may stay in state {states[0]}: there is no rank")
    strict = {a: max(lowest, by_label.get(a, _NOWHERE) + 1) for a in owed}
    return min(at + (a - at) % labels for a, at in strict.items())


def _starves(fair: Fair, everywhere: bool) -> bool:
    """Is it unfair never to take a label that is enabled somewhere, or everywhere?"""
    return fair is Fair.STRONG or (fair is Fair.WEAK and everywhere)


def _labels(graph: Graph, state: int) -> set[int]:
    first, last = graph.row[state : state + 2].tolist()
    return set(graph.label[first:last].tolist())
