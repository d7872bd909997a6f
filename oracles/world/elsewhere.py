"""Mutants judged by workers that share neither a log nor memory with this process (checker/workers/): each makes all programs for
itself, in the same order, and is told a cell and names. What it says is written to the log here.

What is asked of a large cell depends on which mutants are killed before it, so those follow each other, and all workers share each.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property, partial

from checker.errors import InternalError
from checker.interrupt import ctrl_c_sets
from checker.questions.expected import Table
from checker.workers.crew import crew
from checker.workers.workers import Desk, Errand, Workers, working
from oracles.mutation.make import Mutant
from oracles.world.judge import CellJudge, Effect, Rulebook, worlds
from oracles.world.run import SMALL, Agenda, Effects, Log, Place, outcome, watch


@dataclass
class Remaking:
    """What an agenda is made of."""

    expected: Table
    most: int | None
    names: Sequence[str]
    full: bool
    book: Rulebook = field(default_factory=Rulebook)

    def __reduce__(self) -> tuple[type[Remaking], tuple[object, ...]]:
        return Remaking, (self.expected, self.most, list(self.names), self.full)

    @cached_property
    def agenda(self) -> Agenda:
        found = [w for w in worlds(self.expected, self.book) if self.most is None or w.largest <= self.most]
        return Agenda(found, self.book, self.names, self.full)


def run(plan: Agenda, log: Log, on: str, remaking: Remaking) -> Effects:
    """Judge what is missing, until all is or Ctrl-C. remaking: of this plan. Raises UserError, InternalError."""
    stop = threading.Event()
    start, room = crew(on, remaking, stop)
    with ctrl_c_sets(stop), working(start, room, stop) as workers:
        _judge(workers, plan, log, [place for place in plan.places if place.states <= SMALL], 1)
        for place in (place for place in plan.places if place.states > SMALL):
            _judge(workers, plan, log, [place], room)
    log.refresh()
    return outcome(plan, log)


def _judge(workers: Workers, plan: Agenda, log: Log, places: Sequence[Place], parts: int) -> None:
    """What is missing in these cells, each in so many parts."""
    log.refresh()
    killed, futures = plan.killed(log), dict[Future[None], int]()
    for place in places:
        missing = plan.missing(place, log, killed)
        for some in (missing[part::parts] for part in range(parts)):
            if some:
                futures[workers.submit([_errand(log, place, some)])[0]] = place.rank
    watch(futures)


def _errand(log: Log, place: Place, some: Sequence[Mutant]) -> Errand:
    arguments = place.rank, place.title, [mutant.name for mutant in some]
    return Errand(_judged, arguments, made=partial(_add, log, place.title))


def _add(log: Log, title: str, found: Mapping[str, Effect]) -> None:
    if found:
        log.add(title, found)


def _judged(desk: Desk, rank: int, title: str, names: Sequence[str]) -> dict[str, Effect]:
    """In a worker: by digest of a mutant; of fewer once it is to stop."""
    remaking: Remaking = desk.state
    plan, found = remaking.agenda, dict[str, Effect]()
    place, asked = plan.places[rank], frozenset(names)
    if place.title != title or not asked <= plan.names:
        raise InternalError(f"a worker has {place.title} where {title} was meant")
    world = plan.worlds[place.world]
    if world.linked is None:
        world.linked = world.link()
    judge = CellJudge(world, title)
    for mutant in plan.mutants(place):
        if mutant.name in asked and not desk.stop.is_set():
            found[remaking.book.digest(mutant)] = judge.judge(mutant)
    return found
