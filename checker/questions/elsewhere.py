"""Cells that are explored by workers (checker/workers/): what goes to them and what comes back.

A worker has the campaign's cells, or makes them again from what names them, and is told a number. What it answers is packed as
an answer that is kept is: its cell and properties by number, all else by what a module has under a name.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from checker.engine.checkpoint import Checkpoints
from checker.engine.compiling import stopped_by
from checker.engine.native import Stats
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.questions.kept_answers import packed_answer, unpacked_answer
from checker.questions.verdict import CellResult, prepared_for
from checker.workers.crew import crew
from checker.workers.where import HERE, PROCESSES
from checker.workers.workers import Desk, Errand, working
from model.lang import Property

ENOUGH = 8  # programs
EVERY = 0.5  # seconds between two reports of a search


class Hearer(Protocol):
    """What somebody is told while a cell is explored: how far its search is, which phase follows, what becomes of a
    checkpoint."""

    def watch(self, stats: Stats) -> None: ...
    def phase(self, text: str) -> None: ...
    def say(self, text: str) -> None: ...


class Job(Protocol):
    """What a campaign asks. find_out: raises as check_cell does."""

    @property
    def cells(self) -> Sequence[Cell]: ...
    @property
    def engine(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    def asked(self, number: int) -> Sequence[Property]: ...
    def find_out(self, number: int, limits: Limits, told: Hearer, stop: threading.Event) -> CellResult: ...


def by_program(cells: Sequence[Cell], numbers: Sequence[int]) -> list[list[int]]:
    """Those that differ in choices only: what prepares one has prepared the others."""
    found = dict[Hashable, list[int]]()
    for number in numbers:
        cell = cells[number]
        found.setdefault((cell.system, tuple(cell.scope.sizes().items())), []).append(number)
    return list(found.values())


def pays(job: Job, left: Sequence[int]) -> bool:
    """Unless somebody said where: of few programs, what begins the processes takes longer than what they save. One cell is not
    for one worker: all share its search (verdict.py)."""
    if len(left) < 2 or job.limits.on:
        return len(left) > 1 and job.limits.on != HERE
    return len(by_program(job.cells, left)) >= ENOUGH and (os.cpu_count() or 1) > 1


def _lower_first(job: Job, number: int) -> None:
    """What is forked after this need not lower the properties and the user's role itself."""
    cell = job.cells[number]
    with suppress(Exception):  # who explores it says what is wrong
        prepared_for(cell, job.asked(number)).linked()


@contextmanager
def begun(
    job: Job, told: Sequence[Hearer], left: Sequence[int], stop: threading.Event
) -> Iterator[dict[int, Future[CellResult | None]]]:
    """By as many workers as there is room for. left: the numbers of the cells."""
    groups = sorted(by_program(job.cells, left), key=lambda group: list(job.cells[group[0]].scope.sizes().items()))
    if job.limits.on in ("", PROCESSES) and job.engine != "reference":
        _lower_first(job, groups[0][0])
    start, room = crew(job.limits.on, job, stop)
    with working(start, min(room, len(groups)), stop) as workers:
        made = [
            zip(group, workers.submit([_call(job, n, told[n], stop) for n in group]), strict=True) for group in groups
        ]
        yield {number: future for pairs in made for number, future in pairs}


Answer = tuple[bytes | None, list[int]]  # packed, if it can be; and of the checkpoints that it went on with, the states


def _call(job: Job, number: int, told: Hearer, stop: threading.Event) -> Errand:
    def result(answer: Answer) -> CellResult:
        content, resumed = answer
        if content is None:  # something in it has no name, so nobody but this process can find it out
            return job.find_out(number, job.limits, told, stop)
        if job.limits.checkpoints is not None:
            job.limits.checkpoints.resumed += resumed
        return unpacked_answer(content, job.cells[number], job.asked(number))

    return Errand(_explore, (number,), lambda note: getattr(told, note[0])(note[1]), result)


@dataclass
class _ToOwner:
    """Tells the owner of a worker; not too often."""

    tell: Callable[[object], None]
    last: float = field(default_factory=time.monotonic)

    def watch(self, stats: Stats) -> None:
        if time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            self.tell(("watch", stats))

    def phase(self, text: str) -> None:
        self.tell(("phase", text))

    def say(self, text: str) -> None:
        self.tell(("say", text))


def _explore(desk: Desk, number: int) -> Answer:
    """In a worker."""
    job: Job = desk.state
    told, limits = _ToOwner(desk.tell), job.limits
    checkpoints = limits.checkpoints and Checkpoints(limits.checkpoints.resume, told.say)
    with stopped_by(desk.stop):
        result = job.find_out(number, replace(limits, checkpoints=checkpoints, on=HERE), told, desk.stop)
    return packed_answer(result, job.asked(number)), checkpoints.resumed if checkpoints else []
