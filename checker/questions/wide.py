"""Do properties hold at sizes that nobody can enumerate? A violation of a small system is taken to the large one, move by move in
CPython; what is not violated there is proved by induction, with clauses learnt from small systems and checked at the large
one. What is said is what was shown: at these sizes, and for no others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.engine.passages import SourceLine
from checker.engine.reference import Codes, Reference, Value, bindings_of
from checker.engine.search import Limits, NativeSearch, open_search
from checker.interrupt import left_to_the_parent
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.scope import OF_MACHINE, with_values
from checker.questions.taken_again import Ended, taken_again
from checker.questions.verdict import Judge, Run, Status, Verdict, of_the_users, prepared_for
from checker.symbolic.array_terms import LARGEST
from checker.symbolic.induct import Checked, false_initially, steps_checked
from checker.symbolic.learning import Learner, OutOfTime, Stuck
from checker.symbolic.obligations import NO_FAULT, Goal
from checker.symbolic.views import States, Views, codes_of
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import ModelError
from model.lang import Kind, Property

Sizes = tuple[int, int, int]
SMALLEST: Sizes = (1, 1, 1)
# Of which views are taken: 2x4x3 and 1x4x4 show what a fourth pin makes possible, see docs/decisions/015.
MINED: Sequence[Sizes] = ((2, 2, 2), (2, 3, 3), (3, 3, 2), (1, 4, 4), (2, 4, 3))
# Clauses of so many literals stay though the proof needs them not, since with them most calls are known never to be made; not at
# sizes with so few choices of a vCPU, a pin and a vector, where fewer clauses make the better page.
SHORT, FEW = 3, 64
LEARNT: Sequence[Sizes] = ((3, 3, 3), (4, 4, 4))  # what is true for want of a fourth pin is given up at the second
MOST_STATES = 3_000_000  # of a small system; what lies beyond shows views that are learnt late
MOST_LOOKED_AT = 400_000  # of these, evenly: as deep as the search came
TIMEOUT = 600.0
VACUOUS = "what it speaks of never happens in a small system that was searched whole"
UNSEEN = "what it speaks of happens in a small system, but not by the same run at these sizes"
OUT_OF_TIME = "no answer within the time that --timeout gives"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class WideVerdict:
    """binding and run: of a violation, at the large sizes. spoke: of what holds, a run to what it speaks of, there, too. note: why
    nothing is known; of what holds, VACUOUS or UNSEEN."""

    property: Property
    status: Status
    binding: Mapping[str, Value] = field(default_factory=dict[str, Value])
    run: Run | None = None
    spoke: Run | None = None
    note: str = ""


@dataclass(frozen=True)
class WideResult:
    """inductive_at: the sizes at which the clauses, with the properties that hold, were shown to be inductive."""

    cell: Cell
    verdicts: Sequence[WideVerdict]
    clauses: Sequence[Clause] = ()
    inductive_at: Sequence[Sizes] = ()
    lines: Sequence[Mapping[SourceLine, bool]] = ()  # of the user's files, in each small system: was it run there?
    asked: int = 0  # questions at the large sizes that the solver refuted
    seconds: float = 0.0

    def of(self, status: Status) -> list[WideVerdict]:
        return [v for v in self.verdicts if v.status is status]


def sizes_text(sizes: Sizes) -> str:
    return "x".join(map(str, sizes))


def at(cell: Cell, sizes: Sizes) -> Cell:
    return replace(cell, scope=with_values(cell.scope, dict(zip(OF_MACHINE, sizes, strict=True))))


def judge_wide(cell: Cell, wanted: Sequence[Property], sizes: Sizes, timeout: float, tell: Tell) -> WideResult:
    """Every `always` that applies to the cell. timeout: seconds for all of it."""
    started = time.monotonic()
    wide = _WideJudge(cell, sizes, started + timeout, tell)
    found = wide.judge([p for p in wanted if p.kind is Kind.ALWAYS and p.why_not(cell.system) is None])
    return replace(found, seconds=time.monotonic() - started)


class FalseAtFirst(Exception):
    """A clause, or the property, does not hold in the initial state."""


@dataclass(frozen=True)
class Violation:
    """In a small system: the first one that has any."""

    cell: Cell
    property: Property
    run: Run
    binding: Mapping[str, Value]


def learnt_alone(cell: Cell, p: Property, timeout: float, tell: Tell) -> list[Clause] | Violation:
    """Few clauses with which a property alone is inductive. Raises Stuck, OutOfTime, FalseAtFirst."""
    judge = _WideJudge(cell, LEARNT[-1], time.monotonic() + timeout, tell)
    judge.ask([p])
    for sizes in judge.small(SMALLEST, *MINED):
        small = at(cell, sizes)
        for found in judge.searched(small, [p]):  # whatever becomes of it at other sizes
            return Violation(small, *found)
    clauses, _ = judge.learnt([p])
    wrong = [goal for sizes in judge.small(*LEARNT) for goal in judge.false_at_first([p], clauses, sizes)]
    if wrong:
        raise FalseAtFirst(str(wrong[0]))
    return clauses


class _WideJudge:
    def __init__(self, cell: Cell, sizes: Sizes, ends: float, tell: Tell) -> None:
        self.cell, self.sizes, self.ends, self._tell = cell, sizes, ends, tell
        self.large = at(cell, sizes)
        self._views: Views | None = None
        self._lines = list[Mapping[SourceLine, bool]]()
        # Of what is no empty word in a small system: how its premise is reached.
        self._spoke = dict[str, Verdict | None]()
        self._asked = list[Property]()

    def ask(self, asked: Sequence[Property]) -> None:
        """What small systems have to have a meaning for."""
        self._asked = list(asked)

    def judge(self, asked: Sequence[Property]) -> WideResult:
        self.ask(asked)
        found = dict[str, WideVerdict]()
        left = list(asked)
        try:
            for sizes in self.small(SMALLEST, *MINED):
                if not left:
                    break
                self._say(f"all states at {sizes_text(sizes)}")
                for p, run, binding in self.searched(at(self.cell, sizes), left):
                    found[p.name] = self._taken_to_large(p, binding, run)
                left = [p for p in asked if p.name not in found]
            proved = self._proved(left)
        except OutOfTime:
            proved = self._open(left, OUT_OF_TIME)
        found |= {v.property.name: v for v in proved.verdicts}
        said = [self._spoken(v) if (v := found[p.name]).status is Status.HOLDS else v for p in asked]
        return replace(proved, verdicts=said, lines=self._lines)

    def _spoken(self, verdict: WideVerdict) -> WideVerdict:
        """Does what it speaks of happen at the large sizes, too?"""
        p = verdict.property
        if p.name not in self._spoke:
            return replace(verdict, note=VACUOUS)
        reached = self._spoke[p.name]
        if p.starts_from is None or reached is None or reached.run is None:
            return verdict
        states = self._at_large(p.starts_from, reached.binding, reached.run)
        if isinstance(states, Ended):
            return replace(verdict, note=UNSEEN)
        return replace(verdict, spoke=Run(reached.run.moves, tuple(states)))

    def small(self, *of: Sizes) -> list[Sizes]:
        """These sizes, but none larger than what is asked about: one vector is not like two; and none at which there is no
        such system, as when it or a property names its pin 1. Raises what is said of the last one if there is none at all."""
        cut = [tuple(min(pair) for pair in zip(sizes, self.sizes, strict=True)) for sizes in of]
        found, refused = list[Sizes](), ModelError("there is no such system")
        for sizes in dict.fromkeys((cpus, pins, vectors) for cpus, pins, vectors in cut):
            cell = at(self.cell, sizes)
            try:
                lower(cell.system, cell.scope, self._asked)
                found.append(sizes)
            except ModelError as error:
                refused = error
        if not found:
            raise refused
        return found

    def _say(self, what: str) -> None:
        if time.monotonic() > self.ends:
            raise OutOfTime
        self._tell(what)

    # --- small systems ---

    def searched(self, small: Cell, asked: Sequence[Property]) -> Iterator[tuple[Property, Run, Mapping[str, Value]]]:
        """The violations of a small system; its views are taken, too."""
        reference = Reference(small.system, small.scope)
        prepared = prepared_for(small, asked)
        search = open_search(prepared, reference, "native")
        assert isinstance(search, NativeSearch)
        search.run(Limits(max_states=MOST_STATES, seconds=max(0.1, self.ends - time.monotonic())), None)
        judge = Judge(small, prepared, search, reference)
        for p in asked:
            verdict = judge.verdict(p)
            if verdict.says_something():
                self._spoke.setdefault(p.name, judge.verdict(p.starts_from) if p.starts_from is not None else None)
            if verdict.run is not None:
                yield p, verdict.run, verdict.binding
        self._lines.append(of_the_users(search.lines_run(), small))
        self._mine(small, search)

    def _mine(self, small: Cell, search: NativeSearch) -> None:
        program = lower(small.system, small.scope, [])
        vocabulary = Vocabulary(program)
        views = self._views = self._views or Views(vocabulary)
        count = search.stats().states
        chosen = range(0, count, -(-count // MOST_LOOKED_AT))
        raw = b"".join(map(search.exploration.state, chosen))
        states = States(program, small.scope, codes_of(search.layout, raw, len(chosen)))
        for shape in vocabulary.shapes:
            for rows in states.views(vocabulary, shape):
                views.add(shape, rows)

    def _at_large(self, p: Property, binding: Mapping[str, Value], run: Run) -> list[Codes] | Ended:
        """The same moves, in CPython, and what the property says after them."""
        large = self.large
        return taken_again(Reference(large.system, large.scope), p, list(binding.values()), run.moves)

    def _taken_to_large(self, p: Property, binding: Mapping[str, Value], run: Run) -> WideVerdict:
        said = self._at_large(p, binding, run)
        if not isinstance(said, Ended):
            return WideVerdict(p, Status.VIOLATED, binding, Run(run.moves, tuple(said)))
        if said.move is not None:
            why = f"violated in a small system, but {said.move.step} of that run cannot be taken at {sizes_text(self.sizes)}"
        else:
            why = f"violated in a small system, but not by that run at {sizes_text(self.sizes)}"
        return WideVerdict(p, Status.INCONCLUSIVE, note=why)

    # --- proofs ---

    def _proved(self, asked: Sequence[Property]) -> WideResult:
        """Those that can be are proved together: each may rest on the others, and what cannot be is no longer assumed."""
        if self.large.scope.sizes()["vectors"] > LARGEST:
            return self._open(asked, f"nothing is proved of more than {LARGEST} vectors")
        found = self._violated_at_first(asked)
        left, proved = [p for p in asked if p.name not in found], WideResult(self.large, ())
        while left:
            try:
                proved = self._inductive(left, *self.learnt(left, 0 if math.prod(self.sizes) <= FEW else SHORT))
                break
            except OutOfTime:
                proved = self._open(left, OUT_OF_TIME)
                break
            except Stuck as stuck:
                name = str(stuck.found.goal)
                note = f"{stuck.found.step}() may break it, from a state that no clause over these atoms tells from reachable ones"
                if all(p.name != name for p in left):
                    proved = self._open(left, f"{name}: {note}")
                    break
                found |= {p.name: WideVerdict(p, Status.INCONCLUSIVE, note=note) for p in left if p.name == name}
                left = [p for p in left if p.name != name]
        return replace(proved, verdicts=[*proved.verdicts, *found.values()])

    def _open(self, asked: Sequence[Property], note: str) -> WideResult:
        return WideResult(self.large, [WideVerdict(p, Status.INCONCLUSIVE, note=note) for p in asked])

    def _violated_at_first(self, asked: Sequence[Property]) -> dict[str, WideVerdict]:
        """At the large sizes, whatever is the case in small systems."""
        names, scope, found = self.false_at_first(asked, [], self.sizes), self.large.scope, dict[str, WideVerdict]()
        reference = Reference(self.large.system, scope)
        for p in [p for p in asked if p.name in names]:
            args = next(a for a in bindings_of(p, scope) if not reference.holds(p.function, a, reference.start))
            parameters = p.function.__code__.co_varnames[1 : 1 + len(args)]
            run = Run((), (reference.start,))
            found[p.name] = WideVerdict(p, Status.VIOLATED, dict(zip(parameters, args, strict=True)), run)
        return found

    def _inductive(self, asked: Sequence[Property], clauses: Sequence[Clause], learnt_at: Sizes) -> WideResult:
        """What some step breaks at one of the sizes is given up, be it a clause or a property, until nothing is."""
        found, left = list[WideVerdict](), list(asked)
        shown = dict[Sizes, int]()
        while missing := [sizes for sizes in (learnt_at, self.sizes) if sizes not in shown]:
            broken, shown[missing[0]] = self._broken_at(missing[0], left, clauses)
            if broken:
                shown.clear()
            clauses = [c for c in clauses if c not in broken]
            for p in list(left):
                because = broken.get(NO_FAULT) or broken.get(p.name)
                if because:
                    found.append(WideVerdict(p, Status.INCONCLUSIVE, note=f"at {sizes_text(missing[0])} {because}"))
                    left.remove(p)
            if not left:
                return WideResult(self.large, found)
        found += [WideVerdict(p, Status.HOLDS) for p in left]
        return WideResult(self.large, found, clauses, list(shown), asked=shown[self.sizes])

    def _broken_at(
        self, sizes: Sizes, asked: Sequence[Property], clauses: Sequence[Clause]
    ) -> tuple[dict[Goal, str], int]:
        """What does not hold at first, or that some step may break: by what. And how many questions were asked."""
        first = self.false_at_first(asked, clauses, sizes)
        if first:
            return {goal: f"{goal} is not true in the initial state" for goal in first}, 0
        cell = at(self.cell, sizes)
        program, broken, done = lower(cell.system, cell.scope, asked), dict[Goal, str](), list[Checked]()
        for checked in steps_checked(program, cell.scope, clauses, self.ends, left_to_the_parent):
            done.append(checked)
            broken |= {goal: f"{checked.step}() may break: {goal}" for goal in checked.broken}
            self._say(f"{len(done)} of {len(program.steps)} steps checked at {sizes_text(sizes)}")
        if len(done) < len(program.steps):
            raise OutOfTime
        assert {c.step for c in done} == {s.name for s in program.steps}
        return broken, sum(c.asked for c in done)

    def false_at_first(self, asked: Sequence[Property], clauses: Sequence[Clause], sizes: Sizes) -> list[Goal]:
        cell = at(self.cell, sizes)
        program, reference = lower(cell.system, cell.scope, asked), Reference(cell.system, cell.scope)
        return false_initially(program, cell.scope, reference, clauses, asked)

    def learnt(self, asked: Sequence[Property], short: int = 0) -> tuple[list[Clause], Sizes]:
        """At small sizes, and where they were learnt last."""
        assert self._views is not None
        clauses, learnt_at = list[Clause](), SMALLEST
        for sizes in self.small(*LEARNT):
            cell = at(self.cell, sizes)
            learner = Learner(lower(cell.system, cell.scope, asked), cell.scope, self._views, self._say, clauses)
            try:
                clauses, learnt_at = learner.learn(short), sizes
            finally:
                learner.close()
        return clauses, learnt_at
