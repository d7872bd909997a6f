"""What an engine answered, looked at again in CPython: by the model's own code, and by nothing of what is checked.

Nothing here knows the IR, its names or its layout: which bit is whose property is counted anew from the properties
themselves, steps are the class's, and the system is one of its own. Of a search that says that it saw everything:

* where it first saw each value of each formula, CPython says the same of that state or step;
* in a seeded sample of its states, every formula says in CPython what the engine says, there and in the states that
  follow, and of the steps between; and no value is seen before the engine saw it;
* from there CPython takes the steps that the engine has, and no others, to states that the engine has.

Of a run that shows something: the property says so for its values in CPython, and a loop is fair there (shown.py).
What was found to agree is kept on disk by all that it depends on, the engine's answers among them, and not looked at again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from checker.engine import kept
from checker.engine.native import NONE, Outcome
from checker.engine.prepare import Prepared
from checker.engine.reference import Codes, Move, Reference, Value, bindings_of, is_of_edges
from checker.engine.search import NativeSearch, ReferenceSearch
from checker.errors import EnginesDisagree
from checker.matrix.cells import Cell
from checker.questions.shown import Shown
from checker.stories.trace import show
from checker.words import count
from model.finite import RangeError
from model.lang import Kind, Property

SEED = 20250918
MOST, ALL_TOGETHER, LEAST = 1_000, 1_500, 8  # states of a cell; of the cells of a campaign; of each of many cells
ENGINE, CPYTHON = "the engine", "CPython"
PART = (": what it speaks of", ": what it promises")  # the formulas of a leads_to

Asked: TypeAlias = tuple[Callable[..., object], tuple[Value, ...]]


def share(cells: int) -> int:
    """How many states of each cell are looked at again where there are so many cells."""
    return min(MOST, max(LEAST, ALL_TOGETHER // max(1, cells)))


@dataclass(frozen=True)
class Question:
    """A property for some values of its parameters. parts: how many formulas it is."""

    p: Property
    values: tuple[Value, ...]
    of_edges: bool

    @property
    def parts(self) -> int:
        return 2 if self.p.kind is Kind.LEADS_TO else 1

    def __str__(self) -> str:
        return f"{self.p.name}({', '.join(map(show, self.values))})"


class Recheck:
    """One cell's search, and CPython beside it. prepared: what was searched, of which nothing is taken but which properties
    it has, in their order, and where it is kept. Its methods raise EnginesDisagree."""

    def __init__(
        self, cell: Cell, prepared: Prepared, search: NativeSearch | ReferenceSearch, reference: Reference
    ) -> None:
        self.cell, self.prepared, self.search, self.reference = cell, prepared, search, reference

    # ---- of a run ----

    def run(
        self, p: Property, binding: Mapping[str, Value], run: tuple[Sequence[Codes], Sequence[Move], int | None, bool]
    ) -> None:
        """run: its states, moves, where its loop begins, and whether it stays at its end."""
        shown = Shown(self.reference, p, *run)
        values = tuple(binding.values())
        why = shown.why_no_lasso() if p.kind is Kind.LEADS_TO else ""
        if not why and not shown.shows(values):
            why = "p is not so, or q happens" if p.kind is Kind.LEADS_TO else "its last state does not show it"
        if why:
            said = "REACHED" if p.kind is Kind.REACHABLE else "VIOLATED"
            where = f"{p.name}({', '.join(map(show, values))}) by a run of {count(len(run[1]), 'step')}"
            self.differ(where, said, f"that run does not show it: {why}")

    # ---- of a search that saw everything ----

    def states(self, number: int) -> None:
        """A sample of so many states. What was checked is kept if the program is."""
        search = self.search
        if not isinstance(search, NativeSearch) or search.outcome is not Outcome.COMPLETE:
            return
        record = record_of(self.cell, self.prepared.path, ("states", number, search.answers()))
        once(record, lambda: _Sample(self, search).check(number))

    def differ(self, where: str, engine: object, python: object) -> None:
        raise EnginesDisagree(f"{self.cell}: {where}", {ENGINE: str(engine), CPYTHON: str(python)})


def record_of(cell: Cell, program: Path | None, more: tuple[object, ...]) -> Path | None:
    """The file of a record: its name hashes that of a program (all source files, the roles, sizes and properties), the
    choices, and `more`. None if there is to be none."""
    if program is None or os.environ.get("EOI_ANEW"):
        return None
    choices = [(name, str(value)) for name, value in cell.scope.choices().items()]
    name = hashlib.sha256(repr((program.name, choices, SEED, more)).encode()).hexdigest()
    return program.with_name(f"{name}.checked")


def once(record: Path | None, look: Callable[[], int]) -> None:
    """Look, unless it is on record that this was done and nothing differed."""
    if record is None or kept.read(record) is None:
        looked_at = look()
        if record is not None and looked_at:
            kept.write(record, str(looked_at).encode())


class _Sample:
    """The formulas and steps of some states of a search, in both. The system in CPython is one of its own."""

    def __init__(self, of: Recheck, search: NativeSearch) -> None:
        self.of, self.search = of, search
        self.reference = Reference(of.cell.system, of.cell.scope)
        asked, scope = (
            of.prepared.properties,
            self.reference.scope,
        )  # in the order in which an engine numbers its answers
        questions = [Question(p, values, is_of_edges(p)) for p in asked for values in bindings_of(p, scope)]
        self.first, self.first_edge = search.first_states(), search.exploration.first_edges()
        self.of_states = _Questions([q for q in questions if not q.of_edges], self.first)
        self.of_edges = _Questions([q for q in questions if q.of_edges], self.first_edge[:, :, 0])
        self.codes = dict[int, Codes]()
        self.looked_at = set[int]()

    def check(self, number: int) -> int:
        """How many states it looked at."""
        self._beginning()
        self._where_first_seen()
        states = self.search.stats().states
        chosen = sorted(Random(SEED).sample(range(states), min(states, number)))
        for state in chosen:
            self._formulas(state)
            self._steps(state)
        if not self.looked_at.issuperset(chosen) or not chosen:
            self.of.differ("the sample", f"{states} states", f"{len(self.looked_at)} of them were looked at")
        return len(self.looked_at)

    def _same(self, where: str, engine: object, python: object) -> None:
        if engine != python:
            self.of.differ(where, engine, python)

    def _codes(self, state: int) -> Codes:
        if state not in self.codes:
            self.codes[state] = self.search.codes(state)
        return self.codes[state]

    def _beginning(self) -> None:
        self._same("the initial state", self.search.walk([0]).codes, [self.reference.start])
        engine, python = [f.name for f in self.search.fairness], [m.fair.name for m in self.reference.moves]
        self._same("what a run owes to each move", engine, python)
        for questions in (self.of_states, self.of_edges):
            self._same("the number of formulas", questions.first.shape[1], len(questions.names))

    def _where_first_seen(self) -> None:
        """Of what the engine shows, no value is another one in CPython."""
        seen = [(int(self.first[v, bit]), bit, bool(v)) for bit in range(self.first.shape[1]) for v in (0, 1)]
        for state, bit, value in sorted(seen):
            if state != NONE:
                said = self.reference.all_hold([self.of_states.asked_of(bit)], self._codes(state))
                python = said[self.of_states.part(bit)]
                if python is not value:
                    self.of.differ(f"{self.of_states.names[bit]} in state {state}", value, python)
        for bit, name in enumerate(self.of_edges.names):
            for value in (False, True):
                src, label, dst = map(int, self.first_edge[int(value), bit])
                if src != NONE:
                    after = self._after(src, label)
                    said = self._of_edge([self.of_edges.asked_of(bit)], src, after)
                    self._same(f"{name} of the step from state {src} to {dst}", [value], said)

    def _after(self, src: int, label: int) -> Codes:
        """Where a step leads: not to the state that the engine keeps, if that stands for several."""
        move = self.reference.moves[label]
        after = self.reference.successor(self._codes(src), move)
        if after is None:
            self.of.differ(f"{self._step(label, None)} from state {src}", "it can be taken", "it cannot")
            raise AssertionError
        return after

    def _of_edge(self, asked: Sequence[Asked], src: int, after: Codes) -> list[bool]:
        return self.reference.all_hold_on_edge(asked, self._codes(src), after)

    def _formulas(self, state: int) -> None:
        """Of a state; once."""
        if state in self.looked_at:
            return
        self.looked_at.add(state)
        python = self.reference.all_hold(self.of_states.asked, self._codes(state))
        engine = [bool(v) for v in self.search.values(state)]
        if engine != python:
            bit = next(k for k, (a, b) in enumerate(zip(engine, python, strict=True)) if a is not b)
            self.of.differ(f"{self.of_states.names[bit]} in state {state}", engine[bit], python[bit])
        self._not_before(self.of_states, python, state, f"in state {state}")

    def _not_before(self, questions: _Questions, said: Sequence[bool], state: int, where: str) -> None:
        """No formula has a value that the engine says it first saw later, or never."""
        late = questions.first[np.array(said, np.intp), np.arange(len(said))] > state
        if late.any():
            bit = int(late.argmax())
            first = int(questions.first[int(said[bit]), bit])
            seen = "never" if first == NONE else f"first in state {first}"
            self.of.differ(f"{questions.names[bit]} {where}", f"{said[bit]} {seen}", said[bit])

    def _steps(self, state: int) -> None:
        """The steps from a state, and what is asked of each and of where it leads."""
        taken = sorted(self._taken(state))
        python = [(label, target) for label, target, _ in taken]
        engine = sorted(self.search.edges(state))
        if engine != python:
            only = [
                [self._step(*edge) for edge in one if edge not in other]
                for one, other in ((engine, python), (python, engine))
            ]
            self.of.differ(f"the steps from state {state} that only one has", *only)
        for label, target, after in taken:
            self._formulas(target)
            if self.of_edges.asked:
                said = self._of_edge(self.of_edges.asked, state, after)
                self._not_before(self.of_edges, said, state, f"of {self._step(label, target)} from state {state}")

    def _step(self, label: int, target: int | None) -> str:
        move = self.reference.moves[label] if label < len(self.reference.moves) else None
        return f"{move.step}({', '.join(map(show, move.args))}) to state {target}" if move else f"step {label}"

    def _taken(self, state: int) -> Iterator[tuple[int, int, Codes]]:
        """(move number, target, the state itself) of every step that CPython takes."""
        try:
            for label, codes in self.reference.successors(self._codes(state)):
                target = self.search.number(codes)
                if target is None:
                    where = f"where {self._step(label, None)[: -len(' to state None')]} leads from state {state}"
                    self.of.differ(where, "to no state that there is", f"to {codes}")
                else:
                    yield label, target, codes
        except RangeError as error:
            self.of.differ(f"the steps from state {state}", "none stores out of range", error)


class _Questions:
    """What is asked of states, or of steps. first: where the engine first saw each value (0, 1) of each bit."""

    def __init__(self, questions: Sequence[Question], first: NDArray[np.uint32]) -> None:
        self.first = first
        self.asked: list[Asked] = [(q.p.function, q.values) for q in questions]
        self._of = [(k, part) for k, q in enumerate(questions) for part in range(q.parts)]
        self.names = [f"{questions[k]}{PART[part] * (questions[k].parts > 1)}" for k, part in self._of]

    def asked_of(self, bit: int) -> Asked:
        return self.asked[self._of[bit][0]]

    def part(self, bit: int) -> int:
        return self._of[bit][1]
