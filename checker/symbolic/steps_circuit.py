"""A program's steps as one circuit, for a certificate (certificate/wide_check.py says what its inputs and outputs are, and reads it): the
bits of a state lead to those after each step, and to what atoms and properties say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from checker.language.ir import Program
from checker.language.layout import bindings, width
from checker.symbolic.aig import Aig
from checker.symbolic.aig_terms import literal_of
from checker.symbolic.before import Given, StateBefore
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Term
from checker.symbolic.vocabulary import Vocabulary
from model.finite import Scalar
from model.lang import Scope


class StepsCircuit:
    def __init__(self, program: Program, scope: Scope, vocabulary: Vocabulary) -> None:
        self._program, self._before = program, StateBefore(program, scope, vocabulary)
        self._symbolic, self._terms = self._before.symbolic, self._before.terms
        self._leaves: list[Scalar] = [leaf.type for leaf in self._symbolic.layout.leaves]

    def text(self, facts: Iterable[tuple[str, Given]], properties: Sequence[str], steps: Sequence[str]) -> str:
        """In AIGER's form that people read. facts: atoms, with values of their variables. All in the order in which they are asked
        for; properties of steps after those of states."""
        state, following = self._symbolic.state, self._symbolic.variables("after ")
        step_of = {step.name: step for step in self._program.steps}
        types = {name: [scalar(p.type) for p in step_of[name].params] for name in steps}
        args = {name: [self._terms.variable("", of) for of in types[name]] for name in steps}
        inputs = [*self._bits(state, self._leaves), *self._bits(following, self._leaves)]
        for name in steps:
            inputs += self._bits(args[name], types[name])
        outputs = [self._before.atom_in(state, text, given).literal for text, given in facts]
        formulas = self._before.formulas
        for of_edges in (False, True):
            for formula in (formulas[name] for name in properties if formulas[name].of_edges == of_edges):
                after, before = (following, state) if of_edges else (state, None)
                outputs += [
                    self._before.formula_in(after, formula, a, before).literal for a in bindings(formula.params)
                ]
        for name in steps:
            run = self._symbolic.run_with(name, args[name], state)
            outputs += [literal_of(run.enabled), literal_of(run.fault), *self._bits(run.now, self._leaves)]
        return ascii_aiger(self._before.graph, inputs, outputs)

    def _bits(self, values: Sequence[Term], types: Sequence[Scalar]) -> Iterator[int]:
        for value, of in zip(values, types, strict=True):
            yield from self._terms.stored(value, width(of))


def ascii_aiger(graph: Aig, inputs: Sequence[int], outputs: Sequence[int]) -> str:
    """inputs: literals of nodes that are inputs."""
    gates = sorted(graph.new_in_cone(outputs, set()))
    number = {node: k for k, node in enumerate([0, *(literal >> 1 for literal in inputs), *gates])}
    assert len(number) == 1 + len(inputs) + len(gates)

    def of(literal: int) -> int:
        return 2 * number[literal >> 1] | literal & 1

    lines = [f"aag {len(number) - 1} {len(inputs)} 0 {len(outputs)} {len(gates)}"]
    lines += [str(of(literal)) for literal in [*inputs, *outputs]]
    for node in gates:
        a, b = graph.operands[node] or (0, 0)
        low, high = sorted((of(a), of(b)))
        lines.append(f"{of(2 * node)} {low} {high}")
    return "".join(f"{line}\n" for line in lines)
