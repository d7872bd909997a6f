"""A SAT solver that is asked about literals of an and-inverter graph. The only module that imports pysat."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from checker.symbolic.aig import Aig

KIND = "glucose4"  # which is quick to be asked again, a little different
SLICE = 2_000  # conflicts between two looks at the clock


class Solver:
    """It knows of the graph what it was asked about. Node n is its variable n + 1."""

    def __init__(self, graph: Aig, kind: str = KIND) -> None:
        self._graph, self._known = graph, set[int]()
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

    def core(self) -> set[int]:
        """Of what was assumed last, literals that cannot hold together."""
        found = self._solver.get_core() or []
        return {2 * (abs(number) - 1) + (number < 0) for number in found}

    def value(self, model: Sequence[int], literal: int) -> bool:
        """Of a literal that was asked about; one that was not is free to be false."""
        node = literal >> 1
        true = node < len(model) and model[node] > 0
        return true != bool(literal & 1)

    def close(self) -> None:
        self._solver.delete()

    def _numbers(self, literals: Iterable[int]) -> list[int]:
        asked = list(literals)
        for node in self._graph.new_in_cone(asked, self._known):
            operands = self._graph.operands[node]
            assert operands is not None
            a, b = (_number(literal) for literal in operands)
            self._solver.add_clause([-node - 1, a])
            self._solver.add_clause([-node - 1, b])
            self._solver.add_clause([node + 1, -a, -b])
        return [_number(literal) for literal in asked]


def _number(literal: int) -> int:
    return -(literal >> 1) - 1 if literal & 1 else (literal >> 1) + 1
