"""A program's steps as one circuit, for a certificate (certificate/wide_check.py says what its inputs and outputs are, and reads it): the
bits of a state lead to those after each step, and to what atoms and properties say of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from checker.language.ir import Program
from checker.language.layout import bindings, width
from checker.symbolic.aig import Aig
from checker.symbolic.aig_terms import literal_of
from checker.symbolic.before import Given, StateBefore
from checker.symbolic.sat import Solver
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Term
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import Scalar
from model.lang import Scope


class StepsCircuit:
    def __init__(self, program: Program, scope: Scope, vocabulary: Vocabulary, steps: Sequence[str]) -> None:
        """steps: their names, in the order in which the circuit has them."""
        self._before = StateBefore(program, scope, vocabulary)
        self._terms = self._before.terms
        self._leaves: list[Scalar] = [leaf.type for leaf in self._before.symbolic.layout.leaves]
        self._state, self._following = self._before.symbolic.state, self._before.symbolic.variables("after ")
        params = {step.name: step.params for step in program.steps}
        self._types = {name: [scalar(p.type) for p in params[name]] for name in steps}
        self._args = {name: [self._terms.variable("", of) for of in types] for name, types in self._types.items()}
        self._runs = {
            name: self._before.symbolic.run_with(name, args, self._state) for name, args in self._args.items()
        }

    def text(self, facts: Iterable[tuple[str, Given]], properties: Sequence[str]) -> str:
        """In AIGER's form that people read. facts: atoms, with values of their variables. All in the order in which they are asked
        for; properties of steps after those of states."""
        state, following, formulas = self._state, self._following, self._before.formulas
        inputs = [*self._bits(state, self._leaves), *self._bits(following, self._leaves)]
        for name, args in self._args.items():
            inputs += self._bits(args, self._types[name])
        outputs = [self._before.atom_in(state, text, given).literal for text, given in facts]
        for of_edges in (False, True):
            for formula in (formulas[name] for name in properties if formulas[name].of_edges == of_edges):
                after, before = (following, state) if of_edges else (state, None)
                outputs += [
                    self._before.formula_in(after, formula, a, before).literal for a in bindings(formula.params)
                ]
        for run in self._runs.values():
            outputs += [literal_of(run.enabled), literal_of(run.fault), *self._bits(run.now, self._leaves)]
        return ascii_aiger(self._before.graph, inputs, outputs)

    def possible(self, name: str, clauses: Sequence[Clause], count: int) -> list[tuple[list[int], list[int]]]:
        """States in which a step is enabled, and its arguments, as codes, different ones if there are some. Clauses and properties hold
        there, if they do in any such state."""
        solver, chance = Solver(self._before.graph), random.Random(name)
        own = [self._terms.is_code(of, arg) for of, arg in zip(self._types[name], self._args[name], strict=True)]
        for literal in [*self._before.typed, *map(literal_of, own), literal_of(self._runs[name].enabled)]:
            solver.add([literal])
        inductive = self._before.graph.input()  # as a literal that may be assumed
        for some in self._inductive(clauses):
            solver.add([inductive ^ 1, *some])
        inputs = [*self._bits(self._state, self._leaves), *self._bits(self._args[name], self._types[name])]
        found = list[tuple[list[int], list[int]]]()
        for _ in range(count):
            solver.prefer(literal ^ chance.randrange(2) for literal in inputs)
            model = solver.model([inductive]) or solver.model([])
            if model is None:
                break
            values = iter([solver.value(model, literal) for literal in inputs])
            state, args = (
                [sum(next(values) << k for k in range(width(of))) for of in types]
                for types in (self._leaves, self._types[name])
            )
            found.append((state, args))
        solver.close()
        return found

    def _inductive(self, clauses: Sequence[Clause]) -> Iterator[list[int]]:
        for formula in self._before.formulas.values():
            yield from ([fact.literal] for fact in (() if formula.of_edges else self._before.formula(formula)))
        for clause in clauses:
            yield from ([fact.literal ^ (not yes) for fact, yes in at] for at in self._before.clause(clause))

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
