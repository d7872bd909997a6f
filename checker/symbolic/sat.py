"""A SAT solver that is asked about literals of an and-inverter graph. The only module that imports pysat."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from checker.symbolic.aig import Aig

KIND = "glucose4"  # which is quick to be asked again, a little different
SLICE = 2_000  # conflicts between two looks at the clock
WITH_PROOF, BESIDE = "glucose4", "cadical153"  # who says why there is no answer, and who is asked the same
OF_LARGE = "cadical153"  # which takes less time where a circuit is large, and nothing is added once it is asked


class Solver:
    """It knows of the graph what it was asked about, and has variables for no more."""

    def __init__(self, graph: Aig, kind: str = KIND) -> None:
        self._graph = graph
        self._known, self._variables = set[int](), {0: 1}  # nodes as conjunctions; nodes to the solver's variables
        self._solver: Any = importlib.import_module("pysat.solvers").Solver(kind)
        self._solver.add_clause([-1])  # node 0 is false

    def add(self, literals: Iterable[int]) -> None:
        """One of these holds."""
        self._solver.add_clause(self._numbers(literals))

    def model(self, assumed: Sequence[int], watch: Callable[[], None] | None = None) -> list[int] | None:
        """Values in which these literals hold, and what was added; None if there are none: see core(). watch: called now and
        then; what it raises ends the search."""
        numbers = self._numbers(assumed)
        if not (self._solver.solve(assumptions=numbers) if watch is None else self._in_slices(numbers, watch)):
            return None
        found: list[int] = self._solver.get_model()
        return found

    def _in_slices(self, numbers: Sequence[int], watch: Callable[[], None]) -> bool:
        """What was learnt in one is kept for the next."""
        while True:
            self._solver.conf_budget(SLICE)
            said: bool | None = self._solver.solve_limited(assumptions=numbers, expect_interrupt=True)
            watch()
            if said is not None:
                return said

    def core(self, assumed: Sequence[int]) -> set[int]:
        """Of what was assumed last, literals that cannot hold together."""
        found = set(self._solver.get_core() or [])
        return {literal for literal in assumed if self._number(literal) in found}

    def value(self, model: Sequence[int], literal: int) -> bool:
        """Of a literal that was asked about; one that was not is free to be false."""
        variable = self._variables.get(literal >> 1, len(model) + 1)
        true = variable <= len(model) and model[variable - 1] > 0
        return true != bool(literal & 1)

    def prefer(self, literals: Iterable[int]) -> None:
        """That these hold is tried before that they do not."""
        self._solver.set_phases(self._numbers(literals))

    def close(self) -> None:
        self._solver.delete()

    def _numbers(self, literals: Iterable[int]) -> list[int]:
        asked = list(literals)
        for node in self._graph.new_in_cone(asked, self._known):
            operands = self._graph.operands[node]
            assert operands is not None
            own = self._number(2 * node)
            a, b = (self._number(literal) for literal in operands)
            self._solver.add_clause([-own, a])
            self._solver.add_clause([-own, b])
            self._solver.add_clause([own, -a, -b])
        return [self._number(literal) for literal in asked]

    def _number(self, literal: int) -> int:
        variable = self._variables.setdefault(literal >> 1, len(self._variables) + 1)
        return -variable if literal & 1 else variable


Clauses = Sequence[Sequence[int]]


def refutation(clauses: Clauses) -> list[list[int]] | None:
    """The clauses, one after the other, that a solver learnt until it knew that these contradict each other: the last one is empty. None
    if they do not. Of the last clause one literal after the other is tried."""
    *others, ways = clauses
    solver: Any = importlib.import_module("pysat.solvers").Solver(WITH_PROOF, bootstrap_with=others, with_proof=True)
    try:
        if any(solver.solve(assumptions=[way]) for way in ways):
            return None
        said: list[str] = solver.get_proof()
    finally:
        solver.delete()
    learnt = [list(map(int, line.split()))[:-1] for line in said if line[0] != "d"]
    return [*(some for some in learnt if some), *([-way] for way in ways), []]


def is_refuted_beside(clauses: Clauses) -> bool:
    """Does another solver say that these clauses contradict each other?"""
    *others, ways = clauses
    solver: Any = importlib.import_module("pysat.solvers").Solver(BESIDE, bootstrap_with=others)
    try:
        return not any(solver.solve(assumptions=[way]) for way in ways)
    finally:
        solver.delete()


def version() -> str:
    return str(importlib.import_module("pysat").__version__)
