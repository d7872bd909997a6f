"""Clauses that make properties inductive, learnt from views that reachable states show.

A solver is asked for a step out of what is known to hold so far: the properties, and the clauses learnt before. From a state
that no run reaches some step leads to a violation; it shows a view that no reachable state shows, and a short clause says so
for all indices. If all that it shows is known, what the step leads to is taken for reachable as well, and clauses that are
false there are given up. In the end no step leads out. What was learnt is then cut down to what the proof needs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checker.language.ir import Program
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.before import StateBefore
from checker.symbolic.obligations import NO_FAULT, Goal, Obligations, StepBreaks, StepKeeps
from checker.symbolic.smt import Symbolic
from checker.symbolic.views import OneState, Rows, Shape, States, Views
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.lang import Scope

LOOKED_AT, TAKEN = 12, 3  # unknown views of a state, and how many clauses are made of them


class OutOfTime(Exception):
    """There was a limit."""


@dataclass(frozen=True)
class Stuck(Exception):
    """A step that breaks a property, from a state all of whose views are known to one all of whose views are: no clause over
    these atoms tells them from reachable ones."""

    found: StepBreaks


Watch = Callable[[str], None]  # told how far it is, now and then; may raise OutOfTime


class Learner:
    """Of one program at one scope. views: grows. clauses: what to begin with, as it was learnt at smaller sizes."""

    def __init__(
        self, program: Program, scope: Scope, views: Views, watch: Watch, clauses: Iterable[Clause] = (), seed: int = 0
    ) -> None:
        self.vocabulary = Vocabulary(program)
        self._program, self._scope, self._views, self._watch = program, scope, views, watch
        before = StateBefore(program, scope, self.vocabulary)
        self._obligations = [Obligations(before, step) for step in program.steps]
        self._state = OneState(Symbolic(program, scope, ArrayTerms()), self.vocabulary)
        self._chance = random.Random(seed)
        self.clauses: dict[Clause, None] = dict.fromkeys(clauses)
        self.breaks = self.grown = 0
        self._kept: dict[tuple[str, Goal], StepKeeps] = {}  # by step and goal
        self._properties: list[Goal] = [NO_FAULT, *(self._obligations[0].formulas if self._obligations else ())]

    def learn(self, short: int = 0) -> list[Clause]:
        """Clauses that together with the properties no step breaks: of those that the solver used as few as it takes, but for what
        it began with and needed no more than, and for clauses of at most so many literals. Raises Stuck, OutOfTime."""
        begun = set(self.clauses)
        self._give_up_what_fails()
        while (found := self._next_break()) is not None:
            self.breaks += 1
            self._tell_how_far()
            self._learn_from(found)
        self._keep_what_is_needed()
        while set(self.clauses) != begun and self._without_one(short):
            self._keep_what_is_needed()
        return list(self.clauses)

    def close(self) -> None:
        for obligations in self._obligations:
            obligations.close()

    def _tell_how_far(self) -> None:
        self._watch(
            f"looking for an invariant: clauses so far {len(self.clauses)}, steps found that break it {self.breaks}"
        )

    def _next_break(self) -> StepBreaks | None:
        """A step that breaks one of the goals."""
        asked = (self._ask(goal) for goal in [*self._properties, *self.clauses])
        return next((found for found in asked if found is not None), None)

    def _give_up_what_fails(self) -> None:
        """Of the clauses to begin with: what was true for want of a pin more is not worth clauses that support it."""
        while broken := [goal for goal in self.clauses if isinstance(self._ask(goal), StepBreaks)]:
            for clause in broken:
                del self.clauses[clause]
                self._forget(clause)

    def _ask(self, goal: Goal) -> StepBreaks | None:
        """A step that breaks a goal; what was shown before is not asked again."""
        for obligations in self._obligations:
            if (obligations.step.name, goal) not in self._kept:
                self._tell_how_far()
                said = obligations.ask(goal, self.clauses)
                if isinstance(said, StepBreaks):
                    return said
                self._kept[obligations.step.name, goal] = said
        return None

    def _learn_from(self, found: StepBreaks) -> None:
        unknown = list(self._unknown(found.state))
        self._chance.shuffle(unknown)
        clauses = {self._views.excluding(self.vocabulary, *view) for view in unknown[:LOOKED_AT]} - {None}
        if clauses:
            shortest = sorted((c for c in clauses if c is not None), key=lambda c: (len(c.literals), str(c)))
            self.clauses |= dict.fromkeys(shortest[:TAKEN])
        else:
            self._take_for_reachable(found)

    def _take_for_reachable(self, found: StepBreaks) -> None:
        new = [] if found.successor is None else list(self._unknown(found.successor))
        if found.successor is None or not new:
            raise Stuck(found)
        for shape, row in new:
            self.grown += self._views.add(shape, row[None])
        self._state.go_to(found.successor)
        for clause in [c for c in self.clauses if self._state.breaks(c)]:
            del self.clauses[clause]
            self._forget(clause)

    def _forget(self, clause: Clause) -> None:
        self._kept = {key: said for key, said in self._kept.items() if key[1] != clause and clause not in said.because}

    def _unknown(self, codes: Sequence[int]) -> Iterator[tuple[Shape, Rows]]:
        """The views that a state shows, and no state before."""
        state = States(self._program, self._scope, np.array([codes]))
        for shape in self.vocabulary.shapes:
            shown = {rows[0].tobytes(): rows[0] for rows in state.views(self.vocabulary, shape)}
            yield from ((shape, row) for row in shown.values() if not self._views.knows(shape, row))

    # --- what the proof needs ---

    def _keep_what_is_needed(self) -> None:
        """By what the solver used, from the properties on."""
        needed, left = set[Clause](), list(self._properties)
        while left:
            goal = left.pop()
            new = {c for o in self._obligations for c in self._kept[o.step.name, goal].because} - needed
            needed |= new
            left += sorted(new, key=str)
        self.clauses = {c: None for c in self.clauses if c in needed}

    def _without_one(self, short: int) -> bool:
        """Give up each clause without which the others are inductive. True if there was one."""
        found, long = False, [c for c in self.clauses if len(c.literals) > short]
        for clause in sorted(long, key=lambda c: (-len(c.literals), str(c))):
            others = [c for c in self.clauses if c != clause]
            self._watch(f"invariant found, of {len(self.clauses)} clauses: leaving out those that no step needs")
            again = self._kept_by(others, clause)
            if again is not None:
                self.clauses = dict.fromkeys(others)
                self._forget(clause)
                self._kept |= again
                found = True
        return found

    def _kept_by(self, others: Sequence[Clause], without: Clause) -> dict[tuple[str, Goal], StepKeeps] | None:
        """What is to be shown again without a clause, if it can be."""
        again = dict[tuple[str, Goal], StepKeeps]()
        for goal in [*self._properties, *others]:
            for obligations in self._obligations:
                key = obligations.step.name, goal
                if without in self._kept[key].because:
                    said = obligations.ask(goal, others)
                    if isinstance(said, StepBreaks):
                        return None
                    again[key] = said
        return again


class Clock:
    """A Watch that ends at a limit."""

    def __init__(self, seconds: float, tell: Watch | None = None) -> None:
        self.ends, self._tell = time.monotonic() + seconds, tell

    def __call__(self, said: str) -> None:
        if time.monotonic() > self.ends:
            raise OutOfTime
        if self._tell is not None:
            self._tell(said)
