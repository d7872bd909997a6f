"""Of a run that violates a property: which of its values, sizes and choices matter?

Of values a SAT solver says it, for all of them at one size: each that matters has a run in CPython that ends otherwise, and of those
that do not a sample is taken in CPython, too. Of sizes and choices CPython says it: the same run is taken there.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checker.engine.reference import Move, Reference, Value
from checker.engine.search import Limits
from checker.errors import EnginesDisagree
from checker.language.ir import Param
from checker.language.lower import lower
from checker.matrix.cells import Cell, other_choices
from checker.matrix.scope import OF_MACHINE, ScopeValue, with_values
from checker.questions.taken_again import Ended, taken_again, taken_first
from checker.questions.verdict import CellResult, Status, check_cell
from checker.questions.wide import MOST_STATES, Sizes, Tell, Violation, at, sizes_text
from checker.symbolic.any_run import (
    AnyRun,
    Codes,
    Demand,
    Given,
    OneOf,
    Shape,
    TooManyGates,
    is_met,
    places_changed,
    shape_of,
    weakest,
)
from checker.symbolic.learning import OutOfTime
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import code_range
from model.finite import ModelError, decode, encode
from model.lang import Property

# Tried in turn: there has to be the same run, and a circuit of it that is not too large. Then come the sizes where it was found.
PROVED: Sequence[Sizes] = ((8, 8, 8), (4, 4, 4), (3, 3, 3), (2, 2, 2))
MOST = 500_000  # nodes of a circuit; one of 300,000 takes some 10 s
LARGE: Sequence[Sizes] = ((8, 8, 8), (64, 64, 64))
FEWEST: Sequence[Sizes] = (
    (1, 1, 1),
    (1, 2, 2),
)  # where there may be the same run as in a cell, smaller ones first
EVERY_PLACE = range(10**6)
NO_SYSTEM = "there is no such system"
SAMPLE = 32  # choices of values that are taken in CPython, of those that the solver says will do


@dataclass(frozen=True)
class Otherwise:
    """Values with which it is no such run."""

    codes: Codes
    ended: Ended


@dataclass(frozen=True)
class OtherChoice:
    """Another value of the scope, the rest as it was. ended: None if there is the same run."""

    name: str
    value: ScopeValue
    ended: Ended | None


@dataclass(frozen=True)
class Matters:
    """shape: the run with its variables, at the sizes for which it is proved; where one stands at several places, some other
    value at each of these alone ends it otherwise. needed: all that must hold of them, and for each what
    happens without it. smallest: the least sizes at which some values make it such a run; too_small: the sizes
    of which one less is not enough, and how it ends there, with the values that are left."""

    violation: Violation
    shape: Shape
    proved_at: Sizes
    needed: Mapping[Demand, Otherwise]
    larger: Mapping[Sizes, Ended | None]
    smallest: Sizes
    too_small: Mapping[str, Ended]
    choices: Sequence[OtherChoice]
    first: Mapping[Sizes, Sequence[Move]]  # of what goes on for ever: what is taken before that at larger sizes


def what_matters(found: Violation, seconds: float, tell: Tell) -> Matters:
    """Raises OutOfTime, EnginesDisagree."""
    return _Generalised(found, time.monotonic() + seconds, tell).answer()


def violated_for_ever(cell: Cell, p: Property, seconds: float, tell: Tell) -> Violation | CellResult:
    """Of a leads_to that is violated in the cell: a fair run without what it promises, at the smallest sizes that have any. Else what
    is said of the cell. Raises ModelError."""
    ends, own, found = time.monotonic() + seconds, sizes_of(cell), None
    for sizes in [own, *(sizes for sizes in FEWEST if _at_least(own, sizes) and sizes != own)]:
        small = at(cell, sizes)
        tell(f"all states at {sizes_text(sizes)}")
        limits = Limits(max_states=MOST_STATES, seconds=max(0.1, ends - time.monotonic()))
        try:
            result = check_cell(small, [p], engine="native", limits=limits)
        except ModelError:  # a role, or the property, names a row that is not there
            if sizes == own:
                raise
            continue
        (verdict,) = result.verdicts
        if verdict.run is not None and verdict.status is Status.VIOLATED:
            found = Violation(small, p, verdict.run, verdict.binding)
            if sizes != own:
                break
        elif sizes == own:
            return result
    assert found is not None
    return found


class _Generalised:
    def __init__(self, found: Violation, ends: float, tell: Tell) -> None:
        self._found, self._ends, self._tell = found, ends, tell
        self._small, self._p, self._run = found.cell, found.property, found.run.moves
        self._loop = found.run.begins_again
        small = found.cell
        program = lower(small.system, small.scope, [self._p])
        params = {step.name: step.params for step in program.steps}
        (formula,) = program.formulas
        self._moves = [(m.step, _codes(params[m.step], m.args)) for m in self._run]
        self._asked = _codes(formula.params, list(found.binding.values()))
        self._apart = frozenset[int]()

    def answer(self) -> Matters:
        found_at = sizes_of(self._small)
        shape, needed, proved_at = self._of_values(found_at)
        larger, first = self._larger([sizes for sizes in LARGE if _at_least(sizes, found_at)])
        smallest, too_small = self._smallest()
        choices = [
            OtherChoice(
                name, value, self._ended(replace(self._small, scope=with_values(self._small.scope, {name: value})))
            )
            for name, value in other_choices(self._small)
        ]
        return Matters(self._found, shape, proved_at, needed, larger, smallest, too_small, choices, first)

    def _larger(self, of: Sequence[Sizes]) -> tuple[Mapping[Sizes, Ended | None], Mapping[Sizes, Sequence[Move]]]:
        """Of these sizes: how the same run ends there, and what comes first so that it does not."""
        larger, first = dict[Sizes, Ended | None](), dict[Sizes, Sequence[Move]]()
        for sizes in of:
            cell = at(self._small, sizes)
            larger[sizes] = self._ended(cell)
            if larger[sizes] not in (None, Ended(NO_SYSTEM)) and self._loop is not None:
                self._tell(f"what comes before at {sizes_text(sizes)}")
                run, args, reference = self._found.run, self._found.binding.values(), Reference(cell.system, cell.scope)
                said = taken_first(reference, self._p, list(args), run.moves, run.loop_start, self._watch)
                if isinstance(said, Ended):
                    larger[sizes] = said
                else:
                    larger[sizes], first[sizes] = None, said
        return larger, first

    def _watch(self) -> None:
        if time.monotonic() > self._ends:
            raise OutOfTime

    # --- values ---

    def _need_not_be_equal(self, cell: Cell) -> frozenset[int]:
        """The places that have a number which stands at others, too, and where others do as well."""
        self._tell("other values at one place")
        program = lower(cell.system, cell.scope, [self._p])
        shape = shape_of(program, self._moves, self._asked, EVERY_PLACE, self._loop)
        reference = Reference(cell.system, cell.scope)
        return frozenset(
            place
            for place, changed in places_changed(shape)
            if changed and all(self._ended_with(reference, shape, codes) is None for codes in changed)
        )

    def _of_values(self, found_at: Sizes) -> tuple[Shape, Mapping[Demand, Otherwise], Sizes]:
        """At the first sizes at which there is the same run, and a circuit of it that is not too large."""
        tried = [
            sizes
            for cpus, pins, vectors in PROVED
            for sizes in ((cpus, pins, vectors), (cpus if self._loop is None else found_at[0], pins, vectors))
        ]  # what more vCPUs owe is not in the loop
        for sizes in dict.fromkeys(tried):
            cell = at(self._small, sizes)
            if _at_least(sizes, found_at) and self._ended(cell) is None:
                try:
                    return *self._of_values_at(cell, sizes, MOST), sizes
                except TooManyGates:
                    pass
        return *self._of_values_at(self._small, found_at, math.inf), found_at

    def _of_values_at(self, cell: Cell, sizes: Sizes, most: float) -> tuple[Shape, Mapping[Demand, Otherwise]]:
        self._apart = self._need_not_be_equal(cell)
        self._tell(f"any values at {sizes_text(sizes)}")
        run, reference = self._any_run(cell, most), Reference(cell.system, cell.scope)
        try:
            found = weakest(run)
            unproved = run.failing(list(found))
        finally:
            run.close()
        shape = run.shape
        if unproved is not None:
            raise _disagree(cell, shape, unproved, "that it is none")
        needed = dict[Demand, Otherwise]()
        for demand, codes in found.items():
            ended = self._ended_with(reference, shape, codes)
            if ended is None or any(is_met(run.terms, d, codes) is (d == demand) for d in found):
                raise _disagree(cell, shape, codes, "that it is none")
            needed[demand] = Otherwise(codes, ended)
        for codes in _sample(run, list(found)):
            if self._ended_with(reference, shape, codes) is not None:
                raise _disagree(cell, shape, codes, "that it is one")
        return shape, needed

    def _any_run(self, cell: Cell, most: float = math.inf) -> AnyRun:
        program = lower(cell.system, cell.scope, [self._p])
        start = Reference(cell.system, cell.scope).start
        shape = shape_of(program, self._moves, self._asked, self._apart, self._loop)
        return AnyRun(program, cell.scope, start, shape, self._watch, most)

    def _ended_with(self, reference: Reference, shape: Shape, codes: Codes) -> Ended | None:
        moves, args = with_codes(shape, self._run, codes)
        return self._said(reference, args, moves)

    # --- sizes and choices ---

    def _smallest(self) -> tuple[Sizes, Mapping[str, Ended]]:
        """One size after the other is made as small as some values allow."""
        sizes, too_small = dict(self._small.scope.sizes()), dict[str, Ended]()
        for name in OF_MACHINE:
            for less in range(1, sizes[name]):
                tried = {**sizes, name: less}
                ended = self._ended_for_all(_in_order(tried))
                if ended is None:
                    sizes = tried
                    break
                too_small[name] = ended
        return _in_order(sizes), too_small

    def _ended_for_all(self, sizes: Sizes) -> Ended | None:
        """None if some values make it such a run at these sizes; or else how it ends with those that it has, as far as there
        are such."""
        self._tell(f"some values at {sizes_text(sizes)}")
        cell = at(self._small, sizes)
        try:
            run, reference = self._any_run(cell), Reference(cell.system, cell.scope)
        except ModelError:  # a role, or the property, names a row that is not there
            return Ended(NO_SYSTEM)
        try:
            found = run.showing()
        finally:
            run.close()
        cut = tuple(min(v.code, code_range(v.of)[1]) for v in run.shape.variables)
        ended = self._ended_with(reference, run.shape, cut if found is None else found)
        if (ended is None) is (found is None):
            raise _disagree(cell, run.shape, found or cut, "that it is none" if found is None else "that it is one")
        return ended

    def _ended(self, cell: Cell) -> Ended | None:
        """With the values that it has."""
        try:
            reference = Reference(cell.system, cell.scope)
        except ModelError:  # it has no initial state there
            return Ended(NO_SYSTEM)
        return self._said(reference, list(self._found.binding.values()), self._run)

    def _said(self, reference: Reference, args: Sequence[Value], moves: Sequence[Move]) -> Ended | None:
        self._watch()
        said = taken_again(reference, self._p, args, moves, self._found.run.loop_start)
        return said if isinstance(said, Ended) else None


def sizes_of(cell: Cell) -> Sizes:
    return _in_order(cell.scope.sizes())


def _in_order(sizes: Mapping[str, int]) -> Sizes:
    cpus, pins, vectors = (sizes[name] for name in OF_MACHINE)
    return cpus, pins, vectors


def with_codes(shape: Shape, moves: Sequence[Move], codes: Codes) -> tuple[list[Move], tuple[Value, ...]]:
    """The moves with these values of the variables, and what the property is asked with."""

    def values(given: Given) -> tuple[Value, ...]:
        return tuple(decode(shape.variables[n].of, codes[n]) for n in given.variables.values())

    taken = [replace(m, args=values(given)) for m, given in zip(moves, shape.moves, strict=True)]
    return taken, values(shape.asked)


def _codes(params: Sequence[Param], values: Sequence[Value]) -> Codes:
    return tuple(encode(scalar(p.type), value) for p, value in zip(params, values, strict=True))


def _at_least(sizes: Sizes, others: Sizes) -> bool:
    return all(a >= b for a, b in zip(sizes, others, strict=True))


def _sample(run: AnyRun, demands: Sequence[Demand]) -> Iterator[Codes]:
    """Values that meet the demands, the same ones each time."""
    ranges = [range(low, high + 1) for low, high in (code_range(v.of) for v in run.shape.variables)]
    among: list[Sequence[int]] = [*ranges]
    for demand in demands:
        if isinstance(demand, OneOf):
            among[demand.variable] = demand.codes
    chance = random.Random(0)
    for _ in range(SAMPLE):
        codes = tuple(chance.choice(some) for some in among)
        if all(is_met(run.terms, demand, codes) for demand in demands):
            yield codes


def _disagree(cell: Cell, shape: Shape, codes: Codes, by_sat: str) -> EnginesDisagree:
    values = ", ".join(str(decode(v.of, code)) for v, code in zip(shape.variables, codes, strict=True))
    other = {"that it is none": "that it is one", "that it is one": "that it is none"}[by_sat]
    what = f"{cell}, {shape.formula.name}: the run with {values} is one that shows it"
    return EnginesDisagree(what, {"SAT": by_sat, "CPython": other})
