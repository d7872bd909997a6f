"""Do properties hold at sizes that nobody can enumerate? A violation of a small system is taken to the large one, move by move in
CPython; what is not violated there is proved by induction, with clauses learnt from small systems and checked at the large
one. What is said is what was shown: at these sizes, and for no others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.engine.passages import SourceLine
from checker.engine.reference import Reference, Value, is_of_edges
from checker.engine.search import Limits, NativeSearch, open_search
from checker.interrupt import left_to_the_parent
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.scope import with_values
from checker.questions.verdict import Judge, Run, Status, of_the_users, prepared_for
from checker.symbolic.array_terms import LARGEST
from checker.symbolic.induct import Checked, holds_initially, steps_checked
from checker.symbolic.learning import Learner, OutOfTime, Stuck
from checker.symbolic.views import States, Views, codes_of
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import RangeError
from model.lang import Disabled, Kind, Property

Sizes = tuple[int, int, int]
NAMES = ("cpus", "pins", "vectors")
SMALLEST: Sizes = (1, 1, 1)
MINED: Sequence[Sizes] = ((2, 2, 2), (2, 3, 3), (3, 3, 2))  # views saturate there: see reports/proofs/sizes.md
LEARNT: Sequence[Sizes] = ((3, 3, 3), (4, 4, 4))  # what is true for want of a fourth pin is given up at the second
MOST_STATES = 400_000  # of a small system; what lies beyond shows views that are learnt late
TIMEOUT = 600.0
VACUOUS = "what it speaks of never happens in a small system that was searched whole"
OUT_OF_TIME = "no answer within the time that --timeout gives"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class WideVerdict:
    """binding and run: of a violation, at the large sizes. note: why nothing is known; of what holds,
    that what it speaks of never happened in a small system."""

    property: Property
    status: Status
    binding: Mapping[str, Value] = field(default_factory=dict[str, Value])
    run: Run | None = None
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
    return replace(cell, scope=with_values(cell.scope, dict(zip(NAMES, sizes, strict=True))))


def judge_wide(cell: Cell, wanted: Sequence[Property], sizes: Sizes, timeout: float, tell: Tell) -> WideResult:
    """Every `always` that applies to the cell. timeout: seconds for all of it."""
    started = time.monotonic()
    wide = _WideJudge(cell, sizes, started + timeout, tell)
    found = wide.judge([p for p in wanted if p.kind is Kind.ALWAYS and p.why_not(cell.system) is None])
    return replace(found, seconds=time.monotonic() - started)


class FalseAtFirst(Exception):
    """A clause, or the property, does not hold in the initial state."""


def learnt_alone(cell: Cell, p: Property, timeout: float, tell: Tell) -> list[Clause] | None:
    """Few clauses with which a property alone is inductive; None if it is violated. Raises Stuck, OutOfTime, FalseAtFirst."""
    judge = _WideJudge(cell, LEARNT[-1], time.monotonic() + timeout, tell)
    for sizes in judge.small(SMALLEST, *MINED):
        if list(judge.searched(at(cell, sizes), [p])):  # whatever becomes of it at other sizes
            return None
    clauses, _ = judge.learnt([p], minimise=True)
    wrong = [broken for sizes in LEARNT if (broken := judge.false_at_first([p], clauses, sizes))]
    if wrong:
        raise FalseAtFirst(wrong[0])
    return clauses


class _WideJudge:
    def __init__(self, cell: Cell, sizes: Sizes, ends: float, tell: Tell) -> None:
        self.cell, self.sizes, self.ends, self._tell = cell, sizes, ends, tell
        self.large = at(cell, sizes)
        self._views: Views | None = None
        self._lines, self._spoke = list[Mapping[SourceLine, bool]](), set[str]()

    def judge(self, asked: Sequence[Property]) -> WideResult:
        found = dict[str, WideVerdict]()
        left = list(asked)
        try:
            for sizes in self.small(SMALLEST, *MINED):
                if not left:
                    break
                self._say(f"all states at {sizes_text(sizes)}")
                found |= {v.property.name: v for v in self.searched(at(self.cell, sizes), left)}
                left = [p for p in asked if p.name not in found]
            proved = self._proved(left)
        except OutOfTime:
            proved = self._open(left, OUT_OF_TIME)
        found |= {v.property.name: v for v in proved.verdicts}
        said = [self._not_vacuous(found[p.name]) for p in asked]
        return replace(proved, verdicts=said, lines=self._lines)

    def _not_vacuous(self, verdict: WideVerdict) -> WideVerdict:
        vacuous = verdict.status is Status.HOLDS and verdict.property.name not in self._spoke
        return replace(verdict, note=VACUOUS) if vacuous else verdict

    def small(self, *of: Sizes) -> list[Sizes]:
        """These sizes, but none larger than what is asked about: one vector is not like two."""
        cut = [tuple(min(pair) for pair in zip(sizes, self.sizes, strict=True)) for sizes in of]
        return list(dict.fromkeys((cpus, pins, vectors) for cpus, pins, vectors in cut))

    def _say(self, what: str) -> None:
        if time.monotonic() > self.ends:
            raise OutOfTime
        self._tell(what)

    # --- small systems ---

    def searched(self, small: Cell, asked: Sequence[Property]) -> Iterator[WideVerdict]:
        """The violations of a small system, at the large sizes; its views are taken, too."""
        reference = Reference(small.system, small.scope)
        prepared = prepared_for(small, asked)
        search = open_search(prepared, reference, "native")
        assert isinstance(search, NativeSearch)
        search.run(Limits(max_states=MOST_STATES, seconds=max(0.1, self.ends - time.monotonic())), None)
        judge = Judge(small, prepared, search, reference)
        for p in asked:
            verdict = judge.verdict(p)
            self._spoke |= {p.name} if verdict.says_something() else set()
            if verdict.run is not None:
                yield self._taken_to_large(p, verdict.binding, verdict.run)
        self._lines.append(of_the_users(search.lines_run(), small))
        self._mine(small, search)

    def _mine(self, small: Cell, search: NativeSearch) -> None:
        program = lower(small.system, small.scope, [])
        vocabulary = Vocabulary(program)
        views = self._views = self._views or Views(vocabulary)
        count = min(search.stats().states, MOST_STATES)
        raw = b"".join(search.exploration.state(n) for n in range(count))
        states = States(program, small.scope, codes_of(search.layout, raw, count))
        for shape in vocabulary.shapes:
            for rows in states.views(vocabulary, shape):
                views.add(shape, rows)

    def _taken_to_large(self, p: Property, binding: Mapping[str, Value], run: Run) -> WideVerdict:
        """The same moves, in CPython, and what the property says after them."""
        large = self.large
        reference = Reference(large.system, large.scope)
        codes = [reference.start]
        for move in run.moves:
            try:
                following = reference.successor(codes[-1], move)
            except (RangeError, Disabled, IndexError):
                following = None
            if following is None:
                why = f"violated in a small system, but {move.step} of that run cannot be taken at {sizes_text(self.sizes)}"
                return WideVerdict(p, Status.INCONCLUSIVE, note=why)
            codes.append(following)
        args = list(binding.values())
        if is_of_edges(p):
            holds = len(codes) < 2 or reference.holds_on_edge(p.function, args, codes[-2], codes[-1])
        else:
            holds = bool(reference.holds(p.function, args, codes[-1]))
        if holds:
            why = f"violated in a small system, but not by that run at {sizes_text(self.sizes)}"
            return WideVerdict(p, Status.INCONCLUSIVE, note=why)
        return WideVerdict(p, Status.VIOLATED, binding, Run(run.moves, tuple(codes)))

    # --- proofs ---

    def _proved(self, asked: Sequence[Property]) -> WideResult:
        """Those that can be are proved together: each may rest on the others."""
        if self.large.scope.sizes()["vectors"] > LARGEST:
            return self._open(asked, f"nothing is proved of more than {LARGEST} vectors")
        open_, left = dict[str, WideVerdict](), list(asked)
        proved = WideResult(self.large, ())
        while left:
            try:
                proved = self._inductive(left)
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
                open_ |= {p.name: WideVerdict(p, Status.INCONCLUSIVE, note=note) for p in left if p.name == name}
                left = [p for p in left if p.name != name]
        return replace(proved, verdicts=[*proved.verdicts, *open_.values()])

    def _open(self, asked: Sequence[Property], note: str) -> WideResult:
        return WideResult(self.large, [WideVerdict(p, Status.INCONCLUSIVE, note=note) for p in asked])

    def _inductive(self, asked: Sequence[Property]) -> WideResult:
        clauses, learnt_at = self.learnt(asked)
        for sizes in (learnt_at, self.sizes):
            broken = self.false_at_first(asked, clauses, sizes)
            if broken:
                return self._open(asked, f"not true in the initial state at {sizes_text(sizes)}: {broken}")
        large = lower(self.large.system, self.large.scope, asked)
        steps, done = len(large.steps), list[Checked]()
        for checked in steps_checked(large, self.large.scope, clauses, self.ends, left_to_the_parent):
            done.append(checked)
            if checked.broken:
                return self._open(asked, f"at {sizes_text(self.sizes)} {checked.step}() may break: {checked.broken}")
            self._say(f"{len(done)} of {steps} steps checked at {sizes_text(self.sizes)}")
        if len(done) < steps:
            raise OutOfTime
        assert {c.step for c in done} == {s.name for s in large.steps}
        shown = tuple(dict.fromkeys((learnt_at, self.sizes)))
        verdicts = [WideVerdict(p, Status.HOLDS) for p in asked]
        return WideResult(self.large, verdicts, clauses, shown, asked=sum(c.asked for c in done))

    def false_at_first(self, asked: Sequence[Property], clauses: Sequence[Clause], sizes: Sizes) -> str:
        cell = at(self.cell, sizes)
        program, reference = lower(cell.system, cell.scope, asked), Reference(cell.system, cell.scope)
        return holds_initially(program, cell.scope, reference, clauses, asked)

    def learnt(self, asked: Sequence[Property], *, minimise: bool = False) -> tuple[list[Clause], Sizes]:
        """At small sizes, and where they were learnt last."""
        assert self._views is not None
        clauses, learnt_at = list[Clause](), SMALLEST
        for sizes in self.small(*LEARNT):
            cell = at(self.cell, sizes)
            learner = Learner(lower(cell.system, cell.scope, asked), cell.scope, self._views, self._say, clauses)
            try:
                clauses, learnt_at = learner.learn(minimise=minimise), sizes
            finally:
                learner.close()
        return clauses, learnt_at
