"""The shortest experiment that tells two states of a graph apart: a run from one of them that the other cannot imitate.

What a run shows are the labels of its steps that are not silent. The other imitates it by any run that shows the same. The
sets of states in which the other can then be are followed side by side with the run (a subset construction), breadth first,
so that no run with fewer steps tells, of either.

READS: what is read at the very beginning is not the same. SHOWS: the run's last step shows what the other cannot show then. Only if there is no such run of either, one is looked for
that tells otherwise: REFUSES: at its end something can never be shown next (whatever happens unseen), and the other is
always able to show some of all that; STAYS: at its end silent steps may follow each other for ever, which the other never can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from checker.questions.weak import SILENT, Labelled, diverging, no_tick

Step = tuple[int, int]  # label, and the state that it leads to
Node = tuple[int, int, int]  # whose run it is, its state, and (by number) the states of the other
FIRST, SECOND = 0, 1


class Telling(Enum):
    """How a run tells."""

    READS = "begins otherwise"
    SHOWS = "shows what the other cannot show"
    REFUSES = "can never show next what the other always can"
    STAYS = "can go on for ever unseen, which the other cannot"
    BRANCHES = "shows at last what the other cannot, whose answers were the best; other ways are tried, too"


@dataclass(frozen=True)
class Experiment:
    """who: FIRST or SECOND took the steps. others: where the other can be before the last step of SHOWS; else at the end.
    answers: of BRANCHES (game.py), the steps of the other."""

    who: int
    steps: tuple[Step, ...]
    telling: Telling
    others: frozenset[int]
    answers: tuple[Step, ...] = ()


class Walk:
    """A graph as one walks through it: what leaves a state is looked up when it is asked for."""

    def __init__(self, graph: Labelled) -> None:
        self._edges = graph.edges[np.argsort(graph.edges[:, 0], kind="stable")]
        self._begin: list[int] = np.searchsorted(self._edges[:, 0], np.arange(graph.n + 1)).tolist()
        self.diverges = diverging(graph)
        self._after: dict[int, list[Step]] = {}
        self._ready: dict[int, frozenset[int]] = {}

    def after(self, state: int) -> list[Step]:
        """The steps from a state, each once, but for silent ones that stay there."""
        if state not in self._after:
            rows = self._edges[self._begin[state] : self._begin[state + 1], 1:].tolist()
            steps = dict.fromkeys((label, target) for label, target in rows if label != SILENT or target != state)
            self._after[state] = list(steps)
        return self._after[state]

    def closed(self, states: Iterable[int]) -> frozenset[int]:
        """These, and where silent steps lead from them."""
        found = set(states)
        going = list(found)
        while going:
            for label, target in self.after(going.pop()):
                if label == SILENT and target not in found:
                    found.add(target)
                    going.append(target)
        return frozenset(found)

    def shown_by(self, states: frozenset[int]) -> dict[int, set[int]]:
        """What closed states can show next, and where that leads."""
        found: dict[int, set[int]] = {}
        for state in states:
            for label, target in self.after(state):
                if label != SILENT:
                    found.setdefault(label, set()).add(target)
        return found

    def ready(self, state: int) -> frozenset[int]:
        """What a state can show next, after any silent steps."""
        if state not in self._ready:
            self._ready[state] = frozenset(self.shown_by(self.closed([state])))
        return self._ready[state]


class TooMany(Exception):
    """The limit on what is looked at was reached: nothing is said."""


class ExperimentSearch:
    """Breadth first over both sides at once."""

    def __init__(self, walk: Walk, first: int, second: int, tick: Callable[[], None] = no_tick) -> None:
        """tick: called now and then; may raise."""
        self.walk, self.tick = walk, tick
        self._sets: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self._following: dict[int, dict[int, int]] = {}
        starts = [(FIRST, first, self._number([second])), (SECOND, second, self._number([first]))]
        self.parents: dict[Node, tuple[Node, Step] | None] = dict.fromkeys(starts)
        self.queue = list(starts)
        self._otherwise: tuple[Node, Telling] | None = None
        self._at = 0

    def run(self, most: int) -> Experiment | None:
        """The shortest experiment, None if there is none. Raises TooMany beyond `most` nodes, and goes on when it is called again."""
        while self._at < len(self.queue):
            if len(self.queue) > most:
                raise TooMany
            if self._at % 4096 == 0:
                self.tick()
            node = self.queue[self._at]
            found = self._look(node)
            if found is not None:
                return Experiment(node[0], (*self._steps_to(node), found), Telling.SHOWS, self._sets[node[2]])
            self._at += 1
        if self._otherwise is None:
            return None
        node, telling = self._otherwise
        return Experiment(node[0], self._steps_to(node), telling, self._sets[node[2]])

    def _look(self, node: Node) -> Step | None:
        """A step from here that the other cannot imitate; else note where all others lead."""
        who, state, others = node
        if self._otherwise is None and (telling := self._tells_otherwise(state, others)) is not None:
            self._otherwise = node, telling
        for step, then in self._steps_from(state, others):
            if then is None:
                return step
            after = who, step[1], then
            if after not in self.parents:
                self.parents[after] = node, step
                self.queue.append(after)
        return None

    def _steps_from(self, state: int, others: int) -> Iterator[tuple[Step, int | None]]:
        """Each step with the states of the other after it, None if there are none."""
        for label, target in self.walk.after(state):
            yield (label, target), others if label == SILENT else self._after(others).get(label)

    def _after(self, others: int) -> dict[int, int]:
        if others not in self._following:
            shown = self.walk.shown_by(self._sets[others])
            self._following[others] = {label: self._number(targets) for label, targets in shown.items()}
        return self._following[others]

    def _number(self, states: Iterable[int]) -> int:
        closed = self.walk.closed(states)
        if closed not in self._numbers:
            self._numbers[closed] = len(self._sets)
            self._sets.append(closed)
        return self._numbers[closed]

    def _tells_otherwise(self, state: int, others: int) -> Telling | None:
        members, walk = self._sets[others], self.walk
        if not any(walk.ready(other) <= walk.ready(state) for other in members):
            return Telling.REFUSES
        if walk.diverges[state] and not any(walk.diverges[other] for other in members):
            return Telling.STAYS
        return None

    def _steps_to(self, node: Node) -> tuple[Step, ...]:
        steps = list[Step]()
        while (before := self.parents[node]) is not None:
            node, step = before
            steps.append(step)
        return tuple(reversed(steps))
