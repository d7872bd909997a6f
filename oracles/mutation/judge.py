"""Would the comparison with the real system notice, if a rule of the model were wrong?

`MutantJudge` makes every one-change mutant of the rules of a system (make.py), and asks of each whether walks that the
real system has followed together with the model notice it. Sound both ways, at one scope:

noticed     on one of the walks, the mutant cannot take a step that the real system took, raises, or something that was
            observed differs.
equivalent  no walk at this scope, however long, can notice it. Steps are deterministic, so the original and the mutant
            are driven by one walk through pairs of states; every pair that any walk leads to was visited and looks the
            same, and neither can take a step there that the other cannot, but for steps that change nothing and send
            nothing. Four classes, the first that applies:
              dead code    the changed statement is never reached at this scope;
              same graph   in every reachable state every step leads to the same state, hidden fields included;
              idle steps   the same, but the mutant can also take steps, by which nothing happens;
              observables  hidden fields differ somewhere, what can be observed never does (a bisimulation).
assumption  the rule says what the model assumes about time; it is not compared, and counted by itself.
survivor    everything else, with the reason: a shortest walk that would notice it, or that only steps which the model
            forbids tell it (a walk records what happened, not what cannot), or that too many pairs are left to decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from checker.engine.native import Outcome
from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.errors import InternalError
from checker.language import ir
from checker.language.layout import Layout
from checker.language.lower import lower
from model.finite import IntType
from model.lang import Design, Property, Scope, cells, save
from oracles.lockstep import Arguments, Step, step_text
from oracles.mutation.make import Mutant, Rules, generate
from oracles.mutation.native import REFUSED, U64, Corpus, Likeness, Programs, reached_from
from oracles.mutation.operators import Site
from oracles.mutation.report import DEAD, Fate, Judged, MutantReport
from oracles.report import scope_line

WalkStep: TypeAlias = Step | tuple[str, Arguments, bool]  # False: seen not to happen here

HOW = {Likeness.DIFFERS: "differs", Likeness.CANNOT: "cannot take the step", Likeness.RAISES: "raises",
       Likeness.CAN: "can take a refused step"}  # fmt: skip
IDLE = "same but for steps that do nothing"
SAME_GRAPH, BISIMILAR = "same graph", "same observables"
RAISES_AT_START = "raises at the start"
ONLY_MORE = "only steps that the model forbids would tell: no walk holds one"


class BadWalk(Exception):
    """A walk that the model itself cannot follow: it is none that the two agreed on."""


@dataclass(frozen=True)
class Observables:
    """What is compared after each step. leaves: fields of the state, without row numbers (`apic[].irr`); conditions:
    each for all its parameters; calls: of these functions, with their arguments, as a multiset per step. assumptions:
    rules of the model that are none of the real system's, which cannot contradict them -> the reason."""

    leaves: Collection[str] = ()
    conditions: Sequence[Property] = ()
    calls: Collection[str] = ()
    assumptions: Mapping[str, str] = field(default_factory=dict[str, str])

    def sees(self, leaf: str) -> bool:
        return re.sub(r"\[\d+\]", "[]", leaf) in self.leaves


@dataclass(frozen=True)
class Bounds:
    """max_states: reachable states of the original; max_pairs: different pairs of states per mutant. Beyond them a
    mutant that no walk notices is a survivor that is left undecided."""

    max_states: int = 1_000_000
    max_pairs: int = 1_000_000


class MutantJudge:
    """One system at one scope with all its mutants, compiled."""

    def __init__(
        self, system: type[Design], scope: Scope, observables: Observables, rules: Rules, bounds: Bounds
    ) -> None:  # fmt: skip
        self.system, self.scope, self.observables, self.bounds = system, scope, observables, bounds
        self.program = lower(system, scope, observables.conditions)
        self.made = generate(self.program, rules)
        self.numbers = {id(mutant): number for number, mutant in enumerate(self.made.mutants, 1)}
        statements = {_place(m): m.site.statement for m in self.made.mutants}
        self.traps = {place: len(self.numbers) + number for number, place in enumerate(statements, 1)}
        changed = [*(m.changed for m in self.made.mutants), *map(_with_trap, statements.values())]
        frozen = Layout(self.program).frozen(scope.choices())
        self.programs = Programs(self.program, changed, frozen, observables.sees, observables.calls)
        self.before = save(list(cells(system(scope))))
        self.reference = Reference(system, scope)
        original = self._start(0)
        assert original is not None, "initial() of the model raises"
        self.original = original
        if self.programs.layout.from_bytes(self.original.tobytes()) != self.reference.start:
            raise InternalError("compiled initial() differs from CPython's")
        self._calls = {step.name: reached_from(self.program, [step.name]) for step in self.program.steps}
        self._dead: dict[int, bool] = {}  # by number of the trap
        self._states: U64 | None = None
        self._explored = False

    def _start(self, mutant: int) -> U64 | None:
        if "initial" not in self.program.functions:
            return self.programs.state(self.before)
        return self.programs.start(self.before, mutant)

    def corpus(self, walks: Iterable[Iterable[WalkStep]]) -> Corpus:
        """The walks as labels of steps, each tried on the original. Raises BadWalk."""
        labels = {(move.step, move.args): label for label, move in enumerate(self.reference.moves)}
        found = []
        for number, walk in enumerate(walks):
            try:
                taken = [labels[step[0], tuple(step[1])] | (0 if step[2:] != (False,) else REFUSED) for step in walk]
                found.append(np.array(taken, np.uint16))
            except KeyError as error:
                raise BadWalk(f"walk {number}: there is no step {error.args[0]} at this scope") from None
        return self.checked(Corpus.of(found))

    def checked(self, corpus: Corpus) -> Corpus:
        """The same walks. Raises BadWalk if the original cannot follow one."""
        answer, walk, at = self.programs.follow(0, (self.original, self.original), corpus, 0)
        if answer is not Likeness.SAME:
            step = self.step_text(int(corpus.walk(walk)[at]))
            raise BadWalk(f"walk {walk}, step {at + 1}: the model says otherwise: {step}")
        return corpus

    def step_text(self, label: int) -> str:
        move = self.reference.moves[label & ~REFUSED]
        return ("not possible: " if label & REFUSED else "") + step_text((move.step, move.args))

    # --- verdicts ---

    def report(self, corpus: Corpus, known: Collection[tuple[str, str]] = ()) -> MutantReport:
        """Every mutant judged against these walks, but those of `known` (side, name), which other walks noticed."""
        judged, first = list[Judged](), 0
        for mutant in self.made.mutants:
            if (mutant.side, mutant.name) not in known:
                judged.append(self.judge(mutant, corpus, first))
                first = judged[-1].at[0] if judged[-1].at else first  # neighbours are often noticed by the same walk
        return MutantReport(
            self.system.__name__, [scope_line(self.scope)], judged, self.made.rules, self.made.discarded, self.made.same,
            len(corpus.ends), len(corpus.labels), 0 if self._states is None else len(self._states),
        )  # fmt: skip

    def judge(self, mutant: Mutant, corpus: Corpus, first: int = 0) -> Judged:
        """`first`: the walk to try first."""
        if mutant.rule in self.observables.assumptions:
            return Judged(mutant, Fate.ASSUMPTION, self.observables.assumptions[mutant.rule])
        number = self.numbers[id(mutant)]
        start = self._start(number)
        if start is None and not len(corpus.ends):
            return self._missed(mutant, ())
        if start is None:
            return Judged(mutant, Fate.NOTICED, RAISES_AT_START, (0, 0))
        answer, walk, at = self.programs.follow(number, (self.original, start), corpus, first)
        if answer is not Likeness.SAME:
            return Judged(mutant, Fate.NOTICED, HOW[answer], (walk, at))
        return self._unnoticed(mutant, number, (self.original, start))

    def _unnoticed(self, mutant: Mutant, number: int, starts: tuple[U64, U64]) -> Judged:
        """Equivalent, or a survivor."""
        states = self._reachable() if np.array_equal(*starts) else None
        if states is not None:
            if self._is_dead(mutant, states):
                return Judged(mutant, Fate.EQUIVALENT, DEAD)
            close = self.programs.alike(number, states, self._tried(mutant.function), self.bounds.max_pairs)
            if close.answer is Likeness.SAME and not close.enabled:
                how = BISIMILAR if close.pairs else IDLE if close.idle else SAME_GRAPH
                return Judged(mutant, Fate.EQUIVALENT, how)
            if (
                close.answer is Likeness.SAME and not close.pairs
            ):  # both are always in one state: what it can do, it can
                return Judged(mutant, Fate.SURVIVOR, ONLY_MORE)
        exact = self.programs.tell_apart(number, starts, self.bounds.max_pairs)
        if exact.answer is Likeness.SAME and exact.enabled:
            return Judged(mutant, Fate.SURVIVOR, ONLY_MORE)
        if exact.answer is Likeness.SAME:
            return Judged(mutant, Fate.EQUIVALENT, BISIMILAR)
        if exact.answer in HOW:
            return self._missed(mutant, exact.path or (), HOW[exact.answer])
        why = exact.answer.name.lower().replace("_", " ")
        return Judged(mutant, Fate.SURVIVOR, f"undecided: {why} ({exact.pairs:,} pairs of states)")

    def makes_no_difference(self, mutant: Mutant) -> str | None:
        """Why not, if no reachable state shows one in any field: DEAD or SAME_GRAPH; None if one does. There must not be
        more states than the bounds say."""
        number, states = self.numbers[id(mutant)], self._reachable()
        assert states is not None
        start = self._start(number)
        if start is None or not np.array_equal(self.original, start):
            return None
        if self._is_dead(mutant, states):
            return DEAD
        found = self.programs.alike(number, states, self._tried(mutant.function), 1)
        silent = found.answer is Likeness.SAME and not (found.enabled or found.pairs or found.idle)
        return SAME_GRAPH if silent else None

    def _missed(self, mutant: Mutant, path: Sequence[int], how: str = RAISES_AT_START) -> Judged:
        said = f"no walk notices it; a shortest one that would has {len(path)} steps and then the mutant {how}"
        moves = (self.reference.moves[label] for label in path)
        return Judged(mutant, Fate.SURVIVOR, said, walk=tuple((move.step, move.args) for move in moves))

    def _is_dead(self, mutant: Mutant, states: U64) -> bool:
        """Is a fault before the changed statement never met? Asked once for each statement."""
        trap = self.traps[_place(mutant)]
        if trap not in self._dead:
            met = self.programs.alike(trap, states, self._tried(mutant.function), 1)
            silent = met.answer is Likeness.SAME and not met.enabled and not met.idle
            self._dead[trap] = silent and self._start(trap) is not None
        return self._dead[trap]

    def _tried(self, function: str) -> list[int]:
        """Labels of the steps that may call a function."""
        return [label for label, move in enumerate(self.reference.moves) if function in self._calls[move.step]]

    def _reachable(self) -> U64 | None:
        """u64[n, words]: every reachable state of the original; None if there are too many."""
        if not self._explored:
            self._explored = True
            prepared = prepare(self.system, self.scope, [])
            search = NativeSearch(prepared.program, self.reference, keep_edges=False, prepared=prepared)
            outcome = search.run(Limits(max_states=self.bounds.max_states), None)
            if outcome is Outcome.FAULT:
                raise BadWalk("the model itself stores a value out of its range")
            if outcome is Outcome.COMPLETE:
                raw = b"".join(map(search.exploration.state, range(search.stats().states)))
                self._states = np.frombuffer(raw, np.uint64).reshape(search.stats().states, -1)
        return self._states


def _place(mutant: Mutant) -> tuple[str, int]:
    """Function and number of the statement that holds the change."""
    return mutant.function, mutant.site.statement.number


def _with_trap(statement: Site) -> ir.Function:
    """The function with a fault before a statement."""
    loc = statement.loc
    trap = ir.Assign("reached", ir.Const(1, IntType(1, 1), loc), IntType(0, 0), True, loc)
    return statement.put(trap, statement.node)
