"""Do two versions of one function mean the same, whatever the state and the arguments? z3 is asked of the IR.

Both run from the same well-typed state of one system, with any choices of userspace; whatever they call is the same. They
mean the same if they agree on whether they can be run, on whether a value leaves its range, on what they return, and where
both go on, on every leaf of the state after it. That is more than a search says of reachable states; it is said of some
sizes of the system, not of all.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from checker.engine.facts import reached
from checker.language.ir import Param, Program
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import Alternative, Meaning, leaf_count, literal, scalar
from checker.symbolic.terms import Term, Truth, code_range, either, negation, same
from checker.symbolic.z3_terms import Z3Terms, z3
from model.finite import Scalar, TableType
from model.lang import Scope

MILLISECONDS = 20_000  # for each question


@dataclass(frozen=True)
class Distinction:
    """A state and choices (codes) from which the two differ."""

    state: tuple[int, ...]
    choices: dict[str, int]
    args: tuple[tuple[Scalar | str, int], ...]  # of a scalar its type and code, of a record its table and row
    reads: frozenset[int]  # leaves that one of them reads there


class Undecided(Exception):
    """z3 gave up."""


def difference(
    scope: Scope, model: Program, other: Program, name: str, milliseconds: int = MILLISECONDS
) -> Distinction | None:
    """Of `name` of both programs. Of a record that is passed, each row is tried; one whose index is the parameter before it
    goes with that. Raises Undecided."""
    asked = _BothVersions(scope, model, other, name)
    open_ = False
    for args in asked.arguments():
        found = asked.of(args, milliseconds)
        if isinstance(found, Distinction):
            return found
        open_ = open_ or found
    if open_:
        raise Undecided
    return None


class _BothVersions:
    def __init__(self, scope: Scope, model: Program, other: Program, name: str) -> None:
        self.name = name
        ours, theirs = ({**program.functions, **program.uncalled} for program in (model, other))
        called = {f.name for functions in (ours, theirs) for f in reached(functions, [name])}
        ours, theirs = ({n: f for n, f in functions.items() if n in called} for functions in (ours, theirs))
        both = {**ours, **{f"the other's {n}": f for n, f in theirs.items()}}  # one width for both
        program = replace(model, functions=both, uncalled={}, steps=(), formulas=())
        self.before = Symbolic(program, scope, Z3Terms.wide_enough(program))
        self.assumed: list[object] = [self.before.well_typed(self.before.state)]
        for choice, of in model.choices.items():
            term = self.before.terms.variable(f"choice of {choice}", of)
            self.before.choices[choice] = term
            self.assumed.append(self.before.terms.as_term(self.before.terms.is_code(of, term)))
        self.after = copy.copy(self.before)
        own = {n: f for n, f in theirs.items() if n == name or n not in ours}
        self.after.program = replace(self.before.program, functions={**ours, **own})
        self.params = ours[name].params
        assert [p.type for p in self.params] == [p.type for p in theirs[name].params], name

    def arguments(self) -> Iterator[tuple[int, ...]]:
        """Codes of scalars, rows of records."""
        ranges = list[range]()
        for param in self.params:
            ranges.append(
                range(_table(self.before, param)[1].rows) if param.by_reference else _codes(scalar(param.type))
            )
        for args in itertools.product(*ranges):
            if all(args[i] == args[i - 1] for i in range(1, len(args)) if self._goes_with(i)):
                yield args

    def _goes_with(self, at: int) -> bool:
        """Is it a record whose index is the parameter before it?"""
        before, param = self.params[at - 1], self.params[at]
        return param.by_reference and not before.by_reference and before.type == _table(self.before, param)[1].index

    def meanings(self, args: Sequence[int]) -> list[Meaning]:
        return [
            _row(self.before, p, code) if p.by_reference else literal(scalar(p.type), code)
            for p, code in zip(self.params, args, strict=True)
        ]

    def of(self, args: tuple[int, ...], milliseconds: int) -> Distinction | bool:
        """True: undecided."""
        differs = self.terms(self.before.state, args)
        if differs is False:
            return False
        solver, as_term = z3.Solver(), self.before.terms.as_term
        solver.set("timeout", milliseconds)
        solver.add(*self.assumed, as_term(differs))
        answer = solver.check()
        if answer != z3.sat:
            return bool(answer == z3.unknown)
        model = solver.model()
        state = tuple(_code(model, term) for term in self.before.state)
        choices = {name: _code(model, term) for name, term in self.before.choices.items()}
        given = [
            (_table(self.before, p)[0] if p.by_reference else scalar(p.type), code)
            for p, code in zip(self.params, args, strict=True)
        ]
        return Distinction(state, choices, tuple(given), self.reads(state, choices, args))

    def terms(self, state: Sequence[Term], args: Sequence[int]) -> Truth:
        """Do they differ?"""
        runs = [Execution(symbolic, state) for symbolic in (self.before, self.after)]
        results = [run.call(self.name, self.meanings(args)) for run in runs]
        return either(unlike_runs(self.before, *runs), _unlike_results(self.before, results))

    def reads(self, state: Sequence[int], choices: dict[str, int], args: Sequence[int]) -> frozenset[int]:
        found, known = set[int](), {n: literal(self.before.program.choices[n], c) for n, c in choices.items()}
        for symbolic in (self.before, self.after):
            at = copy.copy(symbolic)
            at.choices = known
            run = Execution(at, self.before.constants(state))
            run.call(self.name, self.meanings(args))
            found |= run.values.reads
        return frozenset(found)


def _codes(of: Scalar) -> range:
    low, high = code_range(of)
    return range(low, high + 1)


def _code(model: object, term: Term) -> int:
    value = model.eval(term, model_completion=True)  # type: ignore[attr-defined]
    return int(z3.is_true(value)) if z3.is_bool(value) else int(value.as_signed_long())


def _table(symbolic: Symbolic, param: Param) -> tuple[str, TableType, int]:
    """The table of the state that has such records: its name, its type and its first leaf."""
    first = 0
    for name, of in symbolic.program.state.fields:
        if isinstance(of, TableType) and of.row == param.type:
            return name, of, first
        first += leaf_count(of)
    raise AssertionError(param)


def _row(symbolic: Symbolic, param: Param, row: int) -> tuple[Alternative, ...]:
    """The place of a row."""
    _, of, first = _table(symbolic, param)
    return (Alternative(True, False, first + row * leaf_count(of.row)),)


def _unlike_results(symbolic: Symbolic, results: Sequence[Term]) -> Truth:
    return False if results[0] is None else unlike(symbolic, results[0], results[1])


def unlike_runs(symbolic: Symbolic, left: Execution, right: Execution) -> Truth:
    """Enabled or not, in range or not, and where both go on, the state after it."""
    result = either(unlike(symbolic, left.enabled, right.enabled), unlike(symbolic, left.fault, right.fault))
    changed: Truth = False
    for was, now in zip(left.now, right.now, strict=True):
        changed = either(changed, unlike(symbolic, was, now))
    if changed is False:
        return result
    goes_on = z3.And(symbolic.terms.as_term(left.enabled), z3.Not(symbolic.terms.as_term(left.fault)))
    return either(result, z3.And(goes_on, symbolic.terms.as_term(changed)))


def unlike(symbolic: Symbolic, left: Term, right: Term) -> Truth:
    return False if same(left, right) else negation(symbolic.terms.equal(left, right))
