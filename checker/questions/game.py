"""Where no single run tells two states apart: one line of the game that tells.

Weak bisimulation is a game: whoever says that they differ takes any step of either side, silent ones included, and the other
side answers by showing the same. They differ if the first one can always come to a step without an answer. Its moves here are
those that need the fewest rounds, against answers that make the game last longest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from checker.errors import InternalError
from checker.questions.bisimulation import I64, split_by
from checker.questions.experiment import FIRST, SECOND, Experiment, Step, Telling, Walk
from checker.questions.weak import SILENT, Labelled, diverging, no_tick, weak_steps


@dataclass(frozen=True)
class _Attack:
    """Side `who` shows `label` (SILENT: nothing) by these steps; the answers of the other that are no worse than others."""

    who: int
    label: int
    steps: tuple[Step, ...]


def rounds_of(graph: Labelled, one: int, other: int, tick: Callable[[], None] = no_tick) -> list[I64]:
    """The colours of all states, finer from round to round, up to the one in which these two get different ones. They are not
    weakly alike."""
    found = [graph.colour * 2 + diverging(graph).astype(np.int64)]
    found[0] = np.unique(found[0], return_inverse=True)[1].reshape(-1).astype(np.int64)
    while found[-1][one] == found[-1][other]:
        tick()
        found.append(split_by(found[-1], *weak_steps(graph, found[-1])))
        if found[-1].max() == found[-2].max():
            raise InternalError("two states are not bisimilar, and no round tells them apart")
    return found


def line_of_play(graph: Labelled, one: int, other: int, tick: Callable[[], None] = no_tick) -> Experiment | None:
    """The run of the side that at last shows what the other cannot, with the answers of the other. None if what ends the game
    is no such step."""
    walk, rounds = Walk(graph), rounds_of(graph, one, other, tick)
    at, runs = [one, other], [list[Step](), list[Step]()]
    while True:
        rank = _rank(rounds, *at)
        if rank == 0:
            return None
        attack = next(_attacks(walk, rounds[rank - 1], at), None)
        if attack is None:
            raise InternalError(f"round {rank} tells two states apart, and neither has a step that does")
        runs[attack.who] += attack.steps
        at[attack.who] = attack.steps[-1][1]
        answers = _weak_moves(walk, at[1 - attack.who]).get(attack.label, {})
        if not answers:
            told = tuple(runs[attack.who]), Telling.BRANCHES, frozenset([at[1 - attack.who]])
            return Experiment(attack.who, *told, tuple(runs[1 - attack.who]))
        best = _longest(rounds, at[attack.who], answers)
        runs[1 - attack.who] += answers[best]
        at[1 - attack.who] = best


def _longest(rounds: list[I64], state: int, answers: Iterable[int]) -> int:
    """The answer that is told apart last."""
    return max(answers, key=lambda answer: _rank(rounds, state, answer))


def _rank(rounds: list[I64], one: int, other: int) -> int:
    """The round in which two states get different colours."""
    return next((k for k, colour in enumerate(rounds) if colour[one] != colour[other]), len(rounds))


def _attacks(walk: Walk, colour: I64, at: list[int]) -> Iterator[_Attack]:
    """What one side can do so that no answer of the other has its colour; what has no answer at all comes first."""
    found = list[_Attack]()
    for who in (FIRST, SECOND):
        theirs = _weak_moves(walk, at[1 - who])
        for label, moves in _weak_moves(walk, at[who]).items():
            answers = {colour[state] for state in theirs.get(label, {})}
            for state, steps in moves.items():
                if not answers and steps:
                    yield _Attack(who, label, steps)
                elif colour[state] not in answers and steps:
                    found.append(_Attack(who, label, steps))
    yield from found


def _weak_moves(walk: Walk, state: int) -> dict[int, dict[int, tuple[Step, ...]]]:
    """label -> where it leads, with silent steps before and after, and by which steps."""
    unseen = _silently(walk, {state: ()})
    found: dict[int, dict[int, tuple[Step, ...]]] = {SILENT: unseen}
    for source, steps in unseen.items():
        for label, target in walk.after(source):
            if label != SILENT:
                found.setdefault(label, {}).setdefault(target, (*steps, (label, target)))
    return {label: moves if label == SILENT else _silently(walk, moves) for label, moves in found.items()}


def _silently(walk: Walk, states: dict[int, tuple[Step, ...]]) -> dict[int, tuple[Step, ...]]:
    """With the states that silent steps lead to."""
    found = dict(states)
    going = list(found)
    for state in going:  # grows at its end
        for label, target in walk.after(state):
            if label == SILENT and target not in found:
                found[target] = (*found[state], (label, target))
                going.append(target)
    return found
