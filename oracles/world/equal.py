"""Does a change make a difference in any state at all? z3 is asked of the IR, whatever a search has reached.

A mutant is equal to its original at some sizes if no well-typed state, no choices and no instance of a step or of a formula
show a difference between them: whether a step can be taken, whether a value leaves its range, and where it leads; and if
initial() leads to one state, whatever the choices. That is more than a search says of reachable states, and less than
equality at all sizes. Where some state shows one, states are asked in which lemmas.py holds: as far as z3 has shown that
initial() leads to such a state and no step out of them, so that all reachable ones are among them.
"""

from __future__ import annotations

import copy
import functools
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from enum import Enum

import z3

from checker.engine.facts import reached
from checker.interrupt import left_to_the_parent
from checker.language import ir
from checker.language.layout import bindings, instances
from checker.language.lower import lower
from checker.symbolic.equality import unlike, unlike_runs
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_values import literal
from checker.symbolic.terms import Term, Truth, either
from checker.symbolic.z3_terms import Z3Terms
from oracles.mutation.make import Mutant
from oracles.mutation.schemata import MUTANT, SET_UP, Schemata
from oracles.world.judge import Chosen, World
from oracles.world.lemmas import LEMMAS

MILLISECONDS = 10_000  # for one question


class Equal(Enum):
    YES = "equal for all states"
    NO = "differs in some state"
    OPEN = "undecided"


_asked_of: Equality | None = None  # of the processes that are forked


def _begin(equality: Equality) -> None:
    global _asked_of
    left_to_the_parent()
    _asked_of = equality


def _holds(name: str) -> bool:
    assert _asked_of is not None
    return _asked_of.holds(name)


class Equality:
    """Asked of two programs of a matrix that have the rule: of the one that calls most rules, and of the largest sizes with
    most states."""

    def __init__(self, worlds: Sequence[World]) -> None:
        calls_most = sorted(worlds, key=lambda w: -len(w.mutants))
        largest = sorted(worlds, key=lambda w: (-math.prod(w.scope.sizes().values()), -w.size))
        found: list[dict[str, tuple[World, Mutant]]] = [{}, {}]
        for places, ordered in zip(found, (calls_most, largest), strict=True):
            for world in ordered:
                for mutant in world.mutants:
                    places.setdefault(mutant.name, (world, mutant))
        self._places = found

    def holds(self, name: str) -> bool:
        """Of a mutant's name."""
        first, second = (places[name] for places in self._places)
        return compare(*first) is Equal.YES and (first == second or compare(*second) is Equal.YES)

    def of(self, names: Sequence[str], jobs: int) -> frozenset[str]:
        """Those of the names that are equal, side by side."""
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _begin, (self,)) as pool:
            try:
                return frozenset(name for name, equal in zip(names, pool.map(_holds, names), strict=True) if equal)
            except KeyboardInterrupt:
                for process in multiprocessing.active_children():
                    process.terminate()
                raise


def compare(world: World, mutant: Mutant) -> Equal:
    """Of a mutant of the world's program, at its sizes."""
    answer = _compare(world, mutant, world.original, ())
    if answer is not Equal.NO:
        return answer
    program, lemmas = proved(world)
    return _compare(world, mutant, program, lemmas) if lemmas else answer


@functools.lru_cache(maxsize=8)
def proved(world: World) -> tuple[ir.Program, tuple[ir.Formula, ...]]:
    """The world's program with the lemmas, and those of them that together hold in every reachable state: one that initial()
    or a step from where all hold leads out of is left out, and the others are asked again without it."""
    asked = [p for p in LEMMAS if p.why_not(world.system) is None]
    original = lower(world.system, world.scope, [*world.properties, *asked])
    symbolic, assumed = _anywhere(world, Schemata().program(original, {}))
    left = tuple(f for f in original.formulas if f.name in {p.name for p in asked})
    while left:
        broken = next((f for f in left if _broken(world, symbolic, [*assumed, *_hold(symbolic, left)], f)), None)
        if broken is None:
            break
        left = tuple(f for f in left if f is not broken)
    return original, left


def _hold(symbolic: Symbolic, lemmas: Sequence[ir.Formula], state: Sequence[Term] | None = None) -> list[object]:
    at = symbolic.state if state is None else state
    return [symbolic.formula(f.functions[0], args, at) for f in lemmas for args in bindings(f.params)]


def _broken(world: World, symbolic: Symbolic, assumed: list[object], lemma: ir.Formula) -> bool:
    """Does initial() or some step lead to a state where it does not hold, or is z3 at a loss?"""
    found = instances(symbolic.program)
    if all(i.step != SET_UP for i in found):  # no initial(): the VM begins as its fields do
        return True
    for instance in found:
        at = symbolic.constants(world.before) if instance.step == SET_UP else symbolic.state
        step = symbolic.step(instance, at)
        holds = z3.And(*_hold(symbolic, [lemma], step.successor))
        if _asked(assumed, z3.And(step.enabled, z3.Not(step.fault), z3.Not(holds))) != z3.unsat:
            return True
    return False


def _anywhere(world: World, program: ir.Program) -> tuple[Symbolic, list[object]]:
    """Any well-typed state and any choices of userspace, of the program without a mutant: what z3 may assume of them."""
    symbolic = Symbolic(program, Chosen(world.scope, 0, True), Z3Terms.wide_enough(program))
    assumed: list[object] = [symbolic.well_typed(symbolic.state)]
    for name, of in world.original.choices.items():
        symbolic.choices[name] = symbolic.terms.variable(f"choice of {name}", of)
        assumed.append(symbolic.terms.as_term(symbolic.terms.is_code(of, symbolic.choices[name])))
    return symbolic, assumed


def _compare(world: World, mutant: Mutant, original: ir.Program, lemmas: Sequence[ir.Formula]) -> Equal:
    """original: the world's program. In states in which the lemmas hold, which are formulas of it."""
    program = Schemata().program(original, {mutant.function: [(1, mutant.changed)]})
    before, assumed = _anywhere(world, program)
    assumed += _hold(before, lemmas)
    after = copy.copy(before)
    after.choices = {**before.choices, MUTANT: literal(program.choices[MUTANT], 1)}
    for difference in _differences(world, before, after, mutant.function):
        asked = z3.unsat if difference is False else _asked(assumed, before.terms.as_term(difference))
        if asked != z3.unsat:
            return Equal.NO if asked == z3.sat else Equal.OPEN
    return Equal.YES


def _asked(assumed: list[object], difference: object) -> z3.CheckSatResult:
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    solver.add(*assumed, difference)
    return solver.check()


def _differences(world: World, before: Symbolic, after: Symbolic, function: str) -> Iterator[Truth]:
    """Of each step and formula that comes to the function, where the two differ."""
    program, state = before.program, before.state
    for instance in instances(program):
        if _comes_to(program, instance.step, function):
            at = before.constants(world.before) if instance.step == SET_UP else state
            yield unlike_runs(before, before.run_step(instance, at), after.run_step(instance, at))
    earlier = before.variables("before ")
    for formula in program.formulas:
        for name in formula.functions:
            if _comes_to(program, name, function):
                for args in bindings(formula.params):
                    of_edges = earlier if formula.of_edges else None
                    (was, left), (now, right) = (s.run_formula(name, args, state, of_edges) for s in (before, after))
                    yield either(unlike(before, was, now), unlike(before, left.fault, right.fault))


def _comes_to(program: ir.Program, start: str, function: str) -> bool:
    name = SET_UP if function == "initial" else function
    return any(f.name == name for f in reached(program.functions, [start]))
