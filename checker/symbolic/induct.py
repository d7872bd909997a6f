"""Are clauses and properties inductive at some sizes? Each step is asked by itself, several at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from checker.engine.reference import Reference, bindings_of, is_of_edges
from checker.language.ir import Program
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.before import StateBefore
from checker.symbolic.obligations import NO_FAULT, Goal, Obligations, StepBreaks
from checker.symbolic.sat import OF_LARGE
from checker.symbolic.smt import Symbolic
from checker.symbolic.views import OneState
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.lang import Property, Scope

A = TypeVar("A")
R = TypeVar("R")
PROCESSES = 2
WAIT = 0.2  # seconds between two looks at the clock


@dataclass(frozen=True)
class Checked:
    """What a step may break, though all of it holds before; and of how many goals and indices the solver was asked."""

    step: str
    broken: Sequence[Goal]
    asked: int


_asked_of: _Question | None = None  # of the processes that are forked


@dataclass(frozen=True)
class _Question:
    program: Program
    before: StateBefore
    clauses: Sequence[Clause]

    def prepare(self) -> None:
        """What all steps begin with, before the processes that ask about them part."""
        for formula in self.before.formulas.values():
            if not formula.of_edges:
                self.before.formula(formula)
        for clause in self.clauses:
            self.before.clause(clause)

    def step(self, number: int) -> Checked:
        step = self.program.steps[number]
        obligations = Obligations(self.before, step, OF_LARGE, self.clauses)
        goals: list[Goal] = [NO_FAULT, *obligations.formulas, *self.clauses]
        broken = [goal for goal in goals if isinstance(obligations.ask(goal, ()), StepBreaks)]
        asked = sum(map(obligations.count, goals))
        obligations.close()
        return Checked(step.name, broken, asked)


def false_initially(
    program: Program, scope: Scope, reference: Reference, clauses: Sequence[Clause], properties: Sequence[Property]
) -> list[Goal]:
    """What does not hold in the initial state. Properties are asked of CPython."""
    state = OneState(Symbolic(program, scope, ArrayTerms()), Vocabulary(program))
    state.go_to(reference.start)
    found: list[Goal] = [clause for clause in clauses if state.breaks(clause)]
    for p in properties:
        asked = [] if is_of_edges(p) else [(p.function, args) for args in bindings_of(p, scope)]
        found += [] if all(reference.all_hold(asked, reference.start)) else [p.name]
    return found


def steps_checked(
    program: Program, scope: Scope, clauses: Sequence[Clause], ends: float,
    begin: Callable[[], None] | None = None, processes: int = PROCESSES,
) -> Iterator[Checked]:  # fmt: skip
    """As they are done. ends: when to stop, by time.monotonic(); steps of which nothing is heard until then are left out.
    begin: what a process begins with."""
    global _asked_of
    _asked_of = _Question(program, StateBefore(program, scope, Vocabulary(program)), clauses)
    _asked_of.prepare()
    try:
        yield from in_processes(_one, range(len(program.steps)), ends, begin, processes)
    finally:
        _asked_of = None


def in_processes(
    function: Callable[[A], R], items: Iterable[A], ends: float,
    begin: Callable[[], None] | None = None, processes: int = PROCESSES,
) -> Iterator[R]:  # fmt: skip
    """What it returns of each, as it comes, from processes that are forked. ends, begin: see above."""
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), begin)
    left: set[Future[R]] = {pool.submit(function, item) for item in items}
    try:
        while left and time.monotonic() < ends:
            done, left = wait(left, WAIT, FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        children = list(pool._processes.values()) if left else []
        for process in children:
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _one(number: int) -> Checked:
    assert _asked_of is not None
    return _asked_of.step(number)
