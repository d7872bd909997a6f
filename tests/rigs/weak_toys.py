"""Random graphs with silent steps, and what may be told of them, by the definitions and nothing else: sets of pairs, and runs
that are written out one by one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

import numpy as np

from checker.questions.experiment import Telling
from checker.questions.weak import SILENT, Labelled

Trace = tuple[int, ...]


@dataclass(frozen=True)
class Toy:
    """colours: of each state. steps: (source, label, target); label 0 is silent, and then both states have one colour."""

    colours: tuple[int, ...]
    steps: frozenset[tuple[int, int, int]]

    @property
    def graph(self) -> Labelled:
        edges = np.array(sorted(self.steps), np.int64).reshape(-1, 3)
        return Labelled(np.array(self.colours, np.int64), edges)

    def after(self, state: int) -> list[tuple[int, int]]:
        return sorted((label, target) for source, label, target in self.steps if source == state)

    def unseen(self, state: int) -> frozenset[int]:
        """Where silent steps lead, and the state."""
        found = {state}
        while True:
            more = found | {t for s, label, t in self.steps if label == SILENT and s in found}
            if more == found:
                return frozenset(found)
            found = more

    def diverges(self, state: int) -> bool:
        """A run of as many silent steps as there are states comes twice to one of them."""
        ends = {state}
        for _ in range(len(self.colours)):
            ends = {t for s, label, t in self.steps if label == SILENT and s in ends}
        return bool(ends)

    def shows(self, state: int, label: int) -> frozenset[int]:
        """Where it can be after it has shown this, with silent steps before and after."""
        between = {t for s, seen, t in self.steps if seen == label and s in self.unseen(state)}
        return frozenset(end for t in between for end in self.unseen(t))

    def ready(self, state: int) -> frozenset[int]:
        return frozenset(label for s, label, _ in self.steps if label != SILENT and s in self.unseen(state))

    def can_be(self, state: int, trace: Trace) -> frozenset[int]:
        """Where it can be after it has shown all this."""
        states = self.unseen(state)
        for label in trace:
            states = frozenset(t for s in states for t in self.shows(s, label))
        return states


def random_toy(dice: Random, states: int = 4) -> Toy:
    """Two systems in one: states 0..n-1 and n..2n-1, of which the second one is often the first, changed a little."""
    first = _random_steps(dice, states)
    second = set(first) if dice.random() < 0.6 else _random_steps(dice, states)
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        if second and dice.random() < 0.5:
            second.remove(dice.choice(sorted(second)))
        else:
            second |= _random_steps(dice, states, 1)
    return _coloured({*first, *((s + states, label, t + states) for s, label, t in second)}, 2 * states)


def _random_steps(dice: Random, states: int, count: int = 0) -> set[tuple[int, int, int]]:
    count = count or dice.randint(1, 6)
    return {(dice.randrange(states), dice.choice([0, 0, 1, 2]), dice.randrange(states)) for _ in range(count)}


def _coloured(steps: set[tuple[int, int, int]], states: int) -> Toy:
    """One colour, as what is read is a part of the labels where it matters."""
    return Toy((0,) * states, frozenset(steps))


def weakly_alike_by_definition(toy: Toy, one: int, other: int) -> bool:
    """The greatest relation that keeps its promise, from all pairs on."""
    states = range(len(toy.colours))
    pairs = {
        (s, t) for s, t in itertools.product(states, states)
        if toy.colours[s] == toy.colours[t] and toy.diverges(s) == toy.diverges(t)
    }  # fmt: skip

    def answered(s: int, t: int) -> bool:
        for label, target in toy.after(s):
            answers = toy.unseen(t) if label == SILENT else toy.shows(t, label)
            if not any((target, answer) in pairs for answer in answers):
                return False
        return True

    while True:
        kept = {(s, t) for s, t in pairs if answered(s, t) and answered(t, s)}
        kept = {(s, t) for s, t in kept if (t, s) in kept}
        if kept == pairs:
            return (one, other) in pairs
        pairs = kept


Run = tuple[int, Trace]  # where it ends, and what it shows


def runs(toy: Toy, start: int, longest: int) -> list[set[Run]]:
    """All runs, by their length."""
    found: list[set[Run]] = [{(start, ())}]
    for _ in range(longest):
        found.append({
            (target, trace if label == SILENT else (*trace, label))
            for state, trace in found[-1] for label, target in toy.after(state)
        })  # fmt: skip
    return found


def shortest_telling(toy: Toy, one: int, other: int, longest: int, telling: Telling) -> int | None:
    """The length of the shortest run of either that tells in this way, None if none of up to `longest` steps does."""
    sides = [(runs(toy, a, longest), b) for a, b in ((one, other), (other, one))]
    for length in range(longest + 1):
        if any(_tells(toy, run, b, telling) for found, b in sides for run in found[length]):
            return length
    return None


def _tells(toy: Toy, run: Run, other: int, telling: Telling) -> bool:
    state, trace = run
    others = toy.can_be(other, trace)
    if telling is Telling.SHOWS:
        return not others
    if telling is Telling.REFUSES:
        return bool(others) and not any(toy.ready(t) <= toy.ready(state) for t in others)
    return bool(others) and toy.diverges(state) and not any(map(toy.diverges, others))
