"""The graph of a step, run in many worlds at once: from each of some states, with each choice of arguments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from checker.engine.reference import Codes, Reference
from checker.language.ir import Program, Step
from checker.language.layout import Layout, bindings, instances
from checker.symbolic.aig import FALSE
from checker.symbolic.aig_terms import AigTerms, literal_of
from checker.symbolic.before import StateBefore
from checker.symbolic.obligations import Obligations
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import scalar
from checker.symbolic.terms import Term
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import RangeError
from model.lang import Scope

Said: TypeAlias = tuple[bool, bool, Codes | None]  # enabled, fault, and the state after it


def run_of(
    program: Program, scope: Scope, step: Step, known: Sequence[Clause]
) -> tuple[AigTerms, list[Term], list[Term], Execution]:
    """The terms, the state before, the arguments, and the run of a step: along the paths only that are feasible where these clauses
    hold, if there are any."""
    if known:
        before = StateBefore(program, scope, Vocabulary(program))
        asked = Obligations(before, step, always=known)
        return before.terms, before.symbolic.state, asked._args, asked._run  # pyright: ignore[reportPrivateUsage]
    terms = AigTerms(program)
    symbolic = Symbolic(program, scope, terms)
    args = [terms.variable(p.name, scalar(p.type)) for p in step.params]
    return terms, symbolic.state, args, symbolic.run_with(step.name, args, symbolic.state)


def by_graph(
    program: Program, scope: Scope, step: Step, states: Sequence[Codes], known: Sequence[Clause] = ()
) -> list[list[Said]]:
    """For each choice of arguments, in order, what becomes of each state."""
    terms, state, args, run = run_of(program, scope, step, known)
    worlds = list(itertools.product(bindings(step.params), states))
    every = (1 << len(worlds)) - 1
    inputs = dict[int, int]()
    for given, part in ((args, 0), (state, 1)):
        for k, term in enumerate(given):
            for bit, literal in enumerate(_bits(terms, term)):
                if literal > 1:
                    inputs[literal & ~1] = _packed([world[part][k] >> bit & 1 for world in worlds])
    values = terms.graph.values(inputs, every)

    def value(literal: int) -> list[int]:
        return _unpacked(values[literal >> 1] ^ (every if literal & 1 else 0), len(worlds))

    enabled, fault = value(literal_of(run.enabled)), value(literal_of(run.fault))
    leaves = [_codes(terms, term, value, len(worlds)) for term in run.now]
    found: list[Said] = [
        (bool(enabled[n]), bool(fault[n]), tuple(leaf[n] for leaf in leaves) if enabled[n] and not fault[n] else None)
        for n in range(len(worlds))
    ]
    return [found[n : n + len(states)] for n in range(0, len(found), len(states))]


def _bits(terms: AigTerms, term: Term) -> Sequence[int]:
    return [] if isinstance(term, int) else terms.all_bits(term)


def _codes(terms: AigTerms, term: Term, value: object, count: int) -> list[int]:
    if isinstance(term, int):
        return [int(term)] * count
    bits = list(_bits(terms, term))
    columns = [value(bit) for bit in bits]  # type: ignore[operator]
    weights = [1 << k for k in range(len(bits))]
    if len(bits) > 1:
        weights[-1] = -weights[-1]  # the sign
    return [sum(w * c[n] for w, c in zip(weights, columns, strict=True)) for n in range(count)]


def _packed(bits: Sequence[int]) -> int:
    return int.from_bytes(np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes(), "little")


def _unpacked(value: int, count: int) -> list[int]:
    raw = np.frombuffer(value.to_bytes(count // 8 + 1, "little"), np.uint8)
    return np.unpackbits(raw, bitorder="little")[:count].tolist()


def differences(
    program: Program, scope: Scope, reference: Reference, states: Sequence[Codes], known: Sequence[Clause] = ()
) -> list[str]:
    """Where the graphs of the steps and CPython do not agree. known: clauses that hold in these states."""
    assert FALSE == 0 and [i.step for i in instances(program)] == [m.step for m in reference.moves]
    moves, wrong = iter(reference.moves), list[str]()
    leaves = Layout(program).leaves
    for step in program.steps:
        for of_args in by_graph(program, scope, step, states, known):
            move = next(moves)
            for state, said in zip(states, of_args, strict=True):
                try:
                    after = reference.successor(state, move)
                    expected: Said = after is not None, False, after
                except RangeError:
                    expected = True, True, None
                if said != expected:
                    shown = ", ".join(f"{leaf}={code}" for leaf, code in zip(leaves, state, strict=True))
                    wrong.append(f"{move.step}{move.args} at {shown}: {said}, CPython {expected}")
    assert next(moves, None) is None
    return wrong
