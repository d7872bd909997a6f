"""A program as one sequential circuit over an and-inverter graph: bits that hold a state, what they hold one step later, and
whether something bad is to be seen.

Inputs choose a step and its arguments. What cannot be taken (a step that is not enabled or stores out of range, arguments that
are none of their types) leaves the state as it is, so that as many states are reachable as the program has. What is bad
of a step is remembered in a bit of its own until the next: n steps of a run are n steps of the circuit, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from checker.language.ir import Formula, Program, Step
from checker.language.layout import bindings, width
from checker.symbolic.aig import FALSE, Aig
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.obligations import NO_FAULT
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Truth, both, either, negation, same
from model.lang import Kind, Scope


@dataclass(frozen=True)
class Bit:
    """now: the literal that stands for it; after: what it is one step later, by its value now."""

    name: str
    now: int
    after: int
    start: bool


@dataclass(frozen=True)
class Target:
    """A literal that is true in states that one looks for: of an `always` the bad ones. formula: None of what leaves its range."""

    name: str
    formula: Formula | None
    literal: int


@dataclass(frozen=True)
class Circuit:
    """bits: those of the state first, in the order of the packed state, and then what is remembered of the step before. inputs:
    name and literal. choice: the inputs that number the step; arguments: those that say the code of each of a step's parameters."""

    graph: Aig
    steps: Sequence[Step]
    inputs: Sequence[tuple[str, int]]
    choice: Sequence[int]
    arguments: Sequence[Sequence[Sequence[int]]]
    bits: Sequence[Bit]
    targets: Sequence[Target]
    left_out: Sequence[Formula]


def circuit_of(program: Program, scope: Scope, start: Sequence[int]) -> Circuit:
    """start: the codes of the initial state. Of its formulas those that are about whole runs are left out."""
    return _Builder(program, scope, start).circuit()


class _Builder:
    def __init__(self, program: Program, scope: Scope, start: Sequence[int]) -> None:
        self._program, self._start = program, start
        self._terms = AigTerms(program)
        self._graph = self._terms.graph
        self._symbolic = Symbolic(program, scope, self._terms)
        self._inputs = list[tuple[str, int]]()
        self._choice = self._more_inputs("step", (len(program.steps) - 1).bit_length())
        self._slots = list[list[int]]()  # of arguments: all steps share them
        self._arguments = list[list[list[int]]]()
        self._state = self._symbolic.state
        self._after = list(self._state)
        self._moved: Truth = False
        self._fault: Truth = False

    def circuit(self) -> Circuit:
        for number, step in enumerate(self._program.steps):
            self._take(number, step)
        bits, targets = list(self._bits_of_state()), list[Target]()
        for formula in (f for f in self._program.formulas if len(f.functions) == 1):
            found = self._bad_step(formula) if formula.of_edges else self._sought(formula)
            seen = self._remembered(bits, formula.name, found, of_step=formula.of_edges)
            targets.append(Target(formula.name, formula, seen))
        fault = self._remembered(bits, str(NO_FAULT), literal_of(self._fault), of_step=True)
        targets.append(Target(str(NO_FAULT), None, fault))
        left_out = [f for f in self._program.formulas if len(f.functions) > 1]
        return Circuit(
            self._graph, self._program.steps, self._inputs, self._choice, self._arguments, bits, targets, left_out
        )

    # --- steps ---

    def _take(self, number: int, step: Step) -> None:
        given = [self._argument(slot, width(scalar(p.type))) for slot, p in enumerate(step.params)]
        self._arguments.append(given)
        args = [self._terms.of_bits(scalar(p.type), bits) for p, bits in zip(step.params, given, strict=True)]
        chosen: Truth = self._terms.equal(self._terms.unsigned(self._choice), number)
        for param, arg in zip(step.params, args, strict=True):
            chosen = both(chosen, self._terms.is_code(scalar(param.type), arg))
        run = self._symbolic.run_with(step.name, args, self._state)
        chosen = both(chosen, run.enabled)
        self._fault = either(self._fault, both(chosen, run.fault))
        taken = both(chosen, negation(run.fault))
        self._moved = either(self._moved, taken)
        for k, (before, after) in enumerate(zip(self._state, run.now, strict=True)):
            if not same(before, after):
                self._after[k] = self._terms.choose(taken, after, self._after[k])

    def _argument(self, slot: int, count: int) -> list[int]:
        if slot == len(self._slots):
            self._slots.append([])
        bits = self._slots[slot]
        bits += self._more_inputs(f"argument{slot}", count - len(bits), len(bits))
        return bits[:count]

    def _more_inputs(self, name: str, count: int, first: int = 0) -> list[int]:
        made = [(f"{name}:{first + k}", self._graph.input()) for k in range(count)]
        self._inputs += made
        return [literal for _, literal in made]

    # --- what is bad ---

    def _sought(self, formula: Formula) -> int:
        """States that violate an `always` or show a `reachable`, for any arguments."""
        said = [self._symbolic.formula(formula.functions[0], args, self._state) for args in bindings(formula.params)]
        return self._any(said if formula.kind is Kind.REACHABLE else map(negation, said))

    def _bad_step(self, formula: Formula) -> int:
        name, before, after = formula.functions[0], self._state, self._after
        said = [self._symbolic.formula(name, args, after, before) for args in bindings(formula.params)]
        return self._graph.conjunction(literal_of(self._moved), self._any(map(negation, said)))

    def _any(self, truths: Iterable[Truth]) -> int:
        found: Truth = False
        for one in truths:
            found = either(found, one)
        return literal_of(found)

    def _remembered(self, bits: list[Bit], name: str, bad: int, *, of_step: bool) -> int:
        """As a literal of the state in which one is after the step."""
        if not of_step or bad == FALSE:
            return bad
        bits.append(Bit(name, self._graph.input(), bad, start=False))
        return bits[-1].now

    def _bits_of_state(self) -> Iterator[Bit]:
        layout, terms = self._symbolic.layout, self._terms
        for leaf, now, after, code in zip(layout.leaves, self._state, self._after, self._start, strict=True):
            bits = width(leaf.type)
            pairs = zip(terms.stored(now, bits), terms.stored(after, bits), strict=True)
            for k, (literal, following) in enumerate(pairs):
                yield Bit(f"{leaf}:{k}" if bits > 1 else str(leaf), literal, following, bool(code >> k & 1))
