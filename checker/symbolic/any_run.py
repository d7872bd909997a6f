"""A run whose values need not be known: with which of them is it still a run, and does it still show what it shows?

Each value that stands in a run is a variable. A number is the same one wherever it occurs and counts the same, but where it is
known that it need not be; any other value is one of its own at each place. What has to hold of the variables is found by dropping, one after the other, whatever can be dropped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from checker.language.ir import Formula, Param, Program
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.any_lasso import AnyLasso, Taken
from checker.symbolic.sat import Solver
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Term, Terms, Truth, both, code_range, either, negation
from model.finite import IntType, Scalar
from model.lang import Kind, Scope

Codes: TypeAlias = tuple[int, ...]  # of the variables of a run, in order


@dataclass(frozen=True, slots=True)
class Unknown:
    """code: what it is in the run. sort: what it counts, an index its rows and any other value its parameter."""

    of: Scalar
    code: int
    sort: str

    @property
    def is_number(self) -> bool:
        return isinstance(self.of, IntType)


@dataclass(frozen=True, slots=True)
class Given:
    """A step, or the formula, and the variables that it is given: their numbers by the names of its parameters."""

    name: str
    variables: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """A run without its values: its steps, and the formula that it is about. loop: how many moves lead to where the last one
    leads back to, or stays; None of a run that ends."""

    formula: Formula
    variables: tuple[Unknown, ...]
    moves: tuple[Given, ...]
    asked: Given
    loop: int | None = None

    @property
    def codes(self) -> Codes:
        return tuple(v.code for v in self.variables)


def shape_of(
    program: Program, moves: Sequence[tuple[str, Codes]], asked: Codes, apart: Container[int] = frozenset(),
    loop: int | None = None,
) -> Shape:  # fmt: skip
    """Of a run to the program's one formula, and what it is asked with. apart: places, counted from 0, at which a value is a
    variable of its own whatever it is. loop: as in Shape. Variables are numbered by where they occur first: there are the same ones at other
    sizes."""
    (formula,) = program.formulas
    params = {step.name: step.params for step in program.steps}
    variables, shared, places = list[Unknown](), dict[Unknown, int](), itertools.count()

    def number(param: Param, code: int) -> int:
        of = scalar(param.type)
        found = Unknown(of, code, (of.index if isinstance(of, IntType) else "") or param.name)
        alone = next(places) in apart or not found.is_number
        if not alone and found in shared:
            return shared[found]
        variables.append(found)
        if not alone:
            shared[found] = len(variables) - 1
        return len(variables) - 1

    def given(name: str, to: Sequence[Param], codes: Codes) -> Given:
        return Given(name, {param.name: number(param, code) for param, code in zip(to, codes, strict=True)})

    taken = tuple(given(step, params[step], codes) for step, codes in moves)
    last = given(formula.name, formula.params, asked)
    return Shape(formula, tuple(variables), taken, last, loop)


def places_changed(shape: Shape) -> Iterator[tuple[int, Sequence[Codes]]]:
    """Of a run with all places apart: each that has a number which stands at others, too, and the run with other ones there;
    with such as stand nowhere in it, if there are any."""
    for place, variable in enumerate(shape.variables):
        if variable.is_number and shape.variables.count(variable) > 1:
            low, high = code_range(variable.of)
            others = [code for code in range(low, high + 1) if code != variable.code]
            new = [code for code in others if replace(variable, code=code) not in shape.variables]
            yield place, [(*shape.codes[:place], code, *shape.codes[place + 1 :]) for code in new or others]


# --- what may be asked of the variables, by their numbers ---


@dataclass(frozen=True, slots=True)
class OneOf:
    variable: int
    codes: Codes


@dataclass(frozen=True, slots=True)
class Below:
    less: int
    more: int


@dataclass(frozen=True, slots=True)
class Unlike:
    one: int
    other: int


Demand: TypeAlias = OneOf | Below | Unlike


def is_met(terms: Terms, demand: Demand, values: Sequence[Term]) -> Truth:
    """Of values that are known it is known."""
    match demand:
        case OneOf(variable, codes):
            none: Truth = True
            for code in codes:
                none = both(none, negation(terms.equal(values[variable], code)))
            return negation(none)
        case Below(less, more):
            return terms.compare("<", values[less], values[more])
        case Unlike(one, other):
            return terms.compare("!=", values[one], values[other])


def all_demands(shape: Shape) -> list[Demand]:
    """All that is so in the run, what says most first."""
    variables = shape.variables
    pairs = [
        (a, b)
        for a, one in enumerate(variables)
        for b, other in enumerate(variables)
        if one.is_number and (one.of, one.sort) == (other.of, other.sort) and one.code < other.code
    ]
    fixed = [OneOf(n, (v.code,)) for n, v in enumerate(variables)]
    return [*fixed, *(Below(a, b) for a, b in pairs), *(Unlike(a, b) for a, b in pairs)]


# --- the run ---


class TooManyGates(Exception):
    """A circuit with more nodes than were allowed."""


class AnyRun:
    """One circuit of a run from a known state, for all values of its variables. watch: called now and then; may raise. most:
    nodes of the circuit. Raises TooManyGates."""

    def __init__(
        self, program: Program, scope: Scope, start: Codes, shape: Shape, watch: Callable[[], None] = lambda: None,
        most: float = math.inf,
    ) -> None:  # fmt: skip
        self.shape, self.terms, self._watch, self._most = shape, AigTerms(program), watch, most
        self._symbolic = Symbolic(program, scope, self.terms)
        self._values = [self.terms.variable(str(n), v.of) for n, v in enumerate(shape.variables)]
        self._lasso: AnyLasso | None = None
        self._shows = self._taken(self._symbolic.constants(start))
        self._fails = negation(self._shows)
        if self._lasso is not None:
            self._fails = either(self._fails, self._lasso.is_unfair())
        self._solver = Solver(self.terms.graph)
        for variable, value in zip(shape.variables, self._values, strict=True):
            self._solver.add([literal_of(self.terms.is_code(variable.of, value))])

    def failing(self, demands: Sequence[Demand]) -> Codes | None:
        """Values that meet these demands, and with which it is no such run; None if there are none."""
        return self._model(self._fails, demands)

    def showing(self, demands: Sequence[Demand] = ()) -> Codes | None:
        """Values that meet these demands, and with which it is one."""
        shows = self._shows if self._lasso is None else both(self._shows, self._lasso.is_fair())
        return self._model(shows, demands)

    def close(self) -> None:
        self._solver.close()

    def _taken(self, state: list[Term]) -> Truth:
        """Every step can be taken and stores within its ranges, and in the end there is what the formula is about."""
        shows: Truth = True
        formula, states, moves = self.shape.formula, [state], list[Taken]()
        for move in self.shape.moves:
            self._look()
            moves.append((move.name, self._given(move)))
            run = self._symbolic.run_with(*moves[-1], states[-1])
            shows = both(shows, both(run.enabled, negation(run.fault)))
            states.append(run.now)
        if self.shape.loop is not None:
            self._lasso = AnyLasso(self._symbolic, moves, states, self.shape.loop, self._look)
            return both(shows, self._lasso.goes_on(formula, self._given(self.shape.asked)))
        last = Execution(self._symbolic, states[-1], states[-2:][0] if formula.of_edges else None)
        said = last.call(formula.functions[0], self._given(self.shape.asked))
        shows = both(shows, negation(last.fault))
        return both(shows, said if formula.kind is Kind.REACHABLE else negation(said))

    def _given(self, given: Given) -> list[Term]:
        return [self._values[n] for n in given.variables.values()]

    def _look(self) -> None:
        self._watch()
        if len(self.terms.graph.operands) > self._most:
            raise TooManyGates

    def _model(self, wanted: Truth, demands: Sequence[Demand]) -> Codes | None:
        asked = [literal_of(wanted), *(literal_of(is_met(self.terms, d, self._values)) for d in demands)]
        model = self._solver.model(asked, self._watch)
        return None if model is None else tuple(self._code(model, value) for value in self._values)

    def _code(self, model: Sequence[int], value: Term) -> int:
        if isinstance(value, int):  # of a type with one value
            return int(value)
        return sum(self._solver.value(model, bit) << k for k, bit in enumerate(self.terms.all_bits(value)))


# --- what of a run matters ---


def weakest(run: AnyRun) -> Mapping[Demand, Codes]:
    """Demands with which all values do, none of which can be left out: for each, values that meet all others, and with which
    it is no such run. Found in one pass, always the same; others may do as well."""
    left, needed = all_demands(run.shape), dict[Demand, Codes]()
    for demand in list(left):
        others = [d for d in left if d != demand]
        found = run.failing(others)
        if found is None:
            left = others
        else:
            needed[demand] = _near(run, others, found)
    return _widened(run, needed)


def _near(run: AnyRun, demands: Sequence[Demand], found: Codes) -> Codes:
    """As failing(), but as much as can be as in the run, and the rest as small as it can be: what differs is then what it fails
    by, and it does not depend on the solver."""
    kept, ranges = list(demands), [code_range(v.of) for v in run.shape.variables]
    first: list[Sequence[int]] = [[v.code] for v in run.shape.variables]
    rest = [range(low, high + 1) for low, high in ranges]
    for tried in (first, rest):
        for number, codes in enumerate(tried):
            for code in codes:
                nearer = run.failing([*kept, OneOf(number, (code,))])
                if nearer is not None:
                    kept.append(OneOf(number, (code,)))
                    found = nearer
                    break
    return found


def _widened(run: AnyRun, needed: Mapping[Demand, Codes]) -> Mapping[Demand, Codes]:
    """Where a value matters, all that do in its place."""
    found = dict(needed)
    for demand in needed:
        if isinstance(demand, OneOf):
            others = [d for d in found if d != demand]
            low, high = code_range(run.shape.variables[demand.variable].of)
            one = [OneOf(demand.variable, (code,)) for code in range(low, high + 1)]
            good = [d for d in one if run.failing([*others, d]) is None]
            wider = OneOf(demand.variable, tuple(code for d in good for code in d.codes))
            found = {wider if d == demand else d: codes for d, codes in found.items()}
    return found
