"""A circuit one step after the other, from its initial state: is what is looked for reached in so many steps?

Asked of each number of steps from none on. What is not reached in so many is known from then on, so the first run that is found
is a shortest one, and none of its steps is one that cannot be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from checker.symbolic.aig import FALSE, TRUE, Aig
from checker.symbolic.circuit import Circuit, Target
from checker.symbolic.sat import Solver

Taken = tuple[str, tuple[int, ...]]  # a step, and the codes of its arguments
NO_STEP: Taken = ("no step", ())
Moment = Mapping[int, int]  # node of the circuit -> literal of the unrolled graph


class Unrolling:
    """steps: how many from the initial state, so far."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit, self._graph = circuit, Aig()
        roots = [*(bit.after for bit in circuit.bits), *(target.literal for target in circuit.targets)]
        self._gates = sorted(circuit.graph.new_in_cone(roots, set()))
        self._solver = Solver(self._graph)
        self._moments = [self._moment([TRUE if bit.start else FALSE for bit in circuit.bits])]

    @property
    def steps(self) -> int:
        return len(self._moments) - 1

    def go_on(self) -> None:
        """One step more."""
        self._moments.append(self._moment([self._at(bit.after, self.steps) for bit in self._circuit.bits]))

    def reached(self, targets: Sequence[Target], watch: Callable[[], None]) -> list[list[Taken] | None]:
        """For each of these a run of just so many steps to it; None if there is none. watch: may raise."""
        literals, some = [self._at(target.literal, self.steps) for target in targets], FALSE
        for literal in literals:
            some = self._graph.disjunction(some, literal)
        if self._solver.model([some], watch) is None:
            self._solver.add([some ^ 1])
            return [None] * len(targets)
        return [self._run_to(literal, watch) for literal in literals]

    def close(self) -> None:
        self._solver.close()

    def _moment(self, bits: Sequence[int]) -> Moment:
        """The circuit once more: with these bits, and inputs of its own."""
        circuit, graph = self._circuit, self._graph
        found = {0: FALSE}
        found |= {of >> 1: graph.input() for _, of in circuit.inputs}
        found |= {bit.now >> 1: literal for bit, literal in zip(circuit.bits, bits, strict=True)}
        for node in self._gates:
            operands = circuit.graph.operands[node]
            assert operands is not None
            a, b = (found[x >> 1] ^ x & 1 for x in operands)
            found[node] = graph.conjunction(a, b)
        return found

    def _at(self, literal: int, step: int) -> int:
        return self._moments[step][literal >> 1] ^ literal & 1

    def _run_to(self, literal: int, watch: Callable[[], None]) -> list[Taken] | None:
        model = self._solver.model([literal], watch)
        if model is None:
            self._solver.add([literal ^ 1])
            return None
        return [self._taken(model, moment) for moment in self._moments[:-1]]

    def _taken(self, model: Sequence[int], moment: Moment) -> Taken:
        """What its inputs say."""
        number = self._code(model, moment, self._circuit.choice)
        if number >= len(self._circuit.steps):
            return NO_STEP
        args = [self._code(model, moment, bits) for bits in self._circuit.arguments[number]]
        return self._circuit.steps[number].name, tuple(args)

    def _code(self, model: Sequence[int], moment: Moment, bits: Sequence[int]) -> int:
        return sum(self._solver.value(model, moment[bit >> 1]) << k for k, bit in enumerate(bits))
