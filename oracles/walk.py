"""Walks of a system in lock-step with a real one: random ones, replayed ones, and the shortest that still differs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from checker.engine.reference import parameter_values
from model.lang import Design, Disabled, Scope
from oracles.lockstep import Arguments, Cosimulation, Mismatch, NotRunnable, RealSystem, Seen, Step, Totals, Walk

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Subject:
    """What is compared: a system at a scope, and the real system that plays one of its roles. The real system may be
    started again and again. `names`: role -> name on the command line."""

    design: type[Design]
    scope: Scope
    real: RealSystem
    names: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return ", ".join(f"{role} {name}" for role, name in self.names.items()) or self.design.__name__

    def begin(self, totals: Totals | None = None, on_step: Callable[[Seen], None] | None = None) -> Cosimulation:
        """A new lock-step, both sides fresh. Raises Mismatch, NotRunnable, OracleDied."""
        return Cosimulation(self.design, self.scope, self.real, totals=totals, on_step=on_step)


@dataclass(frozen=True)
class Disagreement:
    """A walk that ends in a mismatch, as found and as shrunk; seen[i] is what was observed after each step."""

    subject: Subject
    walk: tuple[Step, ...]
    mismatch: Mismatch
    seen: tuple[Seen, ...] = ()


@dataclass
class WalkResult:
    """totals of all walks; `disagreement` stopped them; not_runnable: reason -> how often a walk had to end there."""

    totals: Totals = field(default_factory=Totals)
    disagreement: Disagreement | None = None
    not_runnable: dict[str, int] = field(default_factory=dict[str, int])


def moves_by_step(design: type[Design], scope: Scope) -> dict[str, list[Arguments]]:
    """Every step with every binding of its parameters."""
    return {name: list(parameter_values(getattr(design, name), scope, skip=1)) for name in design.steps()}


def random_walks(
    subject: Subject, seed: int, steps: int, *, length: int = 200, seconds: float | None = None,
    on_step: Callable[[Seen], None] | None = None,
) -> WalkResult:  # fmt: skip
    """Walks of `length` steps until `steps` steps have reached the real system. Each walk has its own preferences among
    steps and arguments (swarm testing). The same seed gives the same walks."""
    chooser, result = random.Random(seed), WalkResult()
    moves = moves_by_step(subject.design, subject.scope)
    deadline = None if seconds is None else time.monotonic() + seconds
    while result.totals.replayed < steps and (deadline is None or time.monotonic() < deadline):
        walk: list[Step] = []
        try:
            lock = subject.begin(result.totals, on_step)
            for step in _chosen(lock, moves, chooser, length):
                walk.append(step)
                if result.totals.replayed >= steps:
                    break
        except NotRunnable as error:
            result.not_runnable[str(error)] = result.not_runnable.get(str(error), 0) + 1
        except Mismatch as mismatch:
            result.disagreement = shrunk(subject, [*walk, mismatch.step] if mismatch.number else walk)
            break
    subject.real.close()
    return result


class _Taste:
    """What one walk likes to do. Drawn anew for each walk, so that rare things follow each other in some of them: an
    INIT at every tenth step, say, would forget all that came before it."""

    def __init__(self, moves: dict[str, list[Arguments]], chooser: random.Random) -> None:
        self.chooser = chooser
        self.names = [(name, chooser.random() ** 3 + 0.002) for name in moves]
        self.bindings = {
            name: [(args, 1.0 if chooser.random() < 0.5 else 0.02) for args in bindings]
            for name, bindings in moves.items()
        }

    def order(self, weighted: Sequence[tuple[Choice, float]]) -> list[Choice]:
        """A random order in which heavier ones tend to come first (Efraimidis and Spirakis, 2006)."""
        keys = [(self.chooser.random() ** (1 / weight), n) for n, (_, weight) in enumerate(weighted)]
        return [weighted[n][0] for _, n in sorted(keys, reverse=True)]


def _chosen(
    lock: Cosimulation, moves: dict[str, list[Arguments]], chooser: random.Random, length: int
) -> Iterator[Step]:
    """Take enabled steps at random; ends early where none is."""
    taste = _Taste(moves, chooser)
    for _ in range(length):
        found = (_one_of(lock, name, taste) for name in taste.order(taste.names))
        step = next((step for step in found if step is not None), None)
        if step is None:
            return
        yield step


def _one_of(lock: Cosimulation, name: str, taste: _Taste) -> Step | None:
    for args in taste.order(taste.bindings[name]):
        try:
            lock.step(name, args)
        except Disabled:
            continue
        return name, args
    return None


def replay(subject: Subject, walk: Walk, totals: Totals | None = None) -> tuple[list[Seen], Cosimulation]:
    """Take the steps of a walk from the start. Raises Mismatch, NotRunnable, OracleDied, Disabled."""
    seen: list[Seen] = []
    lock = subject.begin(totals, seen.append)
    for name, args in walk:
        lock.step(name, args)
    return seen, lock


def differs(subject: Subject, walk: Walk) -> tuple[Mismatch, list[Seen], list[Step]] | None:
    """The mismatch that a walk runs into on a fresh real system, with what was seen and the steps that were taken.

    Steps that are not enabled are left out; a walk that cannot be run to a mismatch gives None.
    """
    seen: list[Seen] = []
    taken: list[Step] = []
    try:
        lock = subject.begin(None, seen.append)
        for name, args in walk:
            try:
                lock.step(name, args)
            except Disabled:
                continue
            taken.append((name, args))
    except NotRunnable:
        return None
    except Mismatch as mismatch:
        return mismatch, seen, [*taken, mismatch.step] if mismatch.number else []
    return None


def shrunk(subject: Subject, walk: Walk, seconds: float = 30.0) -> Disagreement:
    """The shortest walk that still ends in a mismatch: whole stretches are left out, then single steps, each candidate
    on a fresh real system, until nothing more can go or the time is over. What it ends in may be another mismatch
    than the first one was."""
    deadline = time.monotonic() + seconds
    best = list(walk)
    best = list(seen_again(subject, best).walk)
    size = max(1, len(best) // 2)
    while best and time.monotonic() < deadline:
        shorter = _without_a_stretch(subject, best, size, deadline)
        if shorter is not None:
            best = shorter
            size = min(size, max(1, len(best) // 2))
        elif size == 1:
            break
        else:
            size //= 2
    return seen_again(subject, best)


def seen_again(subject: Subject, walk: Walk) -> Disagreement:
    """The mismatch that a walk ended in, taken once more. Raises NotReproducible."""
    again = differs(subject, walk)
    if again is None:
        raise NotReproducible(f"a walk of {len(walk)} steps ended in a mismatch once, and not again")
    return Disagreement(subject, tuple(again[2]), again[0], tuple(again[1]))


def _without_a_stretch(subject: Subject, walk: list[Step], size: int, deadline: float) -> list[Step] | None:
    """The walk without some `size` steps that are not needed, or None."""
    for start in range(0, len(walk), size):
        if time.monotonic() > deadline:
            return None
        found = differs(subject, walk[:start] + walk[start + size :])
        if found is not None and len(found[2]) < len(walk):
            return found[2]
    return None


class NotReproducible(Exception):
    """A mismatch was seen once and not again: the real system has state that the lock-step does not control."""
