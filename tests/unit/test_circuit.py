"""A program as one circuit does what CPython does: from states of a toy, reachable or not, under every value of its inputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from checker.engine.reference import Codes, Move, Reference
from checker.language.layout import Layout
from checker.language.lower import lower
from checker.symbolic import circuit as circuits
from checker.symbolic.aig import Aig
from checker.symbolic.aig_terms import AigTerms
from checker.symbolic.circuit import Circuit
from checker.symbolic.obligations import NO_FAULT
from model.finite import RangeError, StructType, TableType, size
from model.lang import always
from tests.rigs.circuits import circuit
from tests.rigs.mail_toy import Mail, MailScope, Mood, few_hops

SCOPE = MailScope(letters=3)


@always()
def hops_stay(before: Mail, s: Mail) -> bool:
    """Of steps: violated by some."""
    return before.hops == s.hops


def worlds(made: Circuit, states: list[Codes]) -> tuple[list[tuple[Codes, int]], Mapping[int, int], int]:
    """Each state with each value of all inputs, side by side; and what the literals of these are there."""
    layout = Layout(lower(Mail, SCOPE, []))
    given = list(itertools.product(states, range(1 << len(made.inputs))))
    values = dict[int, int]()
    for k, bit in enumerate(made.bits):
        values[bit.now] = sum((layout.pack(state) >> k & 1) << n for n, (state, _) in enumerate(given))
    for k, (_, literal) in enumerate(made.inputs):
        values[literal] = sum((chosen >> k & 1) << n for n, (_, chosen) in enumerate(given))
    return given, values, (1 << len(given)) - 1


def chosen_move(made: Circuit, reference: Reference, value: int) -> Move | None:
    """What the inputs say, if they say a move: its codes are counted as the moves of CPython are."""
    bits = {name: value >> k & 1 for k, (name, _) in enumerate(made.inputs)}

    def of(name: str, count: int) -> int:
        return sum(bits[f"{name}:{k}"] << k for k in range(count))

    number = of("step", len(made.choice))
    if number >= len(made.steps):
        return None
    step, at = made.steps[number], 0
    for slot, most in enumerate(size(p.type) for p in step.params if not isinstance(p.type, StructType | TableType)):
        code = of(f"argument{slot}", (most - 1).bit_length())
        if code >= most:
            return None
        at = at * most + code
    return [move for move in reference.moves if move.step == step.name][at]


def differences(made: Circuit) -> int:
    """In how many worlds the circuit does something else than CPython, or sees another thing."""
    reference = Reference(Mail, SCOPE)
    layout = Layout(lower(Mail, SCOPE, []))
    states = list(itertools.product(*(range(size(leaf.type)) for leaf in layout.leaves)))[::499]
    given, values, every = worlds(made, states)
    found = made.graph.values(values, every)

    def said(literal: int, world: int) -> int:
        return found[literal >> 1] >> world & 1 ^ literal & 1

    wrong = 0
    for world, (state, chosen) in enumerate(given):
        move, after, fault = chosen_move(made, reference, chosen), None, False
        try:
            after = reference.successor(state, move) if move is not None else None
        except RangeError:
            fault = True
        bad = after is not None and after[-2] != state[-2]
        expected = layout.pack(after or state) | bad << layout.bits | fault << layout.bits + 1
        wrong += expected != sum(said(bit.after, world) << k for k, bit in enumerate(made.bits))
    return wrong


def made() -> Circuit:
    return circuit(Mail, SCOPE, [hops_stay, few_hops])


def test_every_input_in_many_states() -> None:
    assert [t.name for t in made().targets] == ["hops_stay", "few_hops", str(NO_FAULT)]
    assert differences(made()) == 0


class Late(Mail):
    def initial(self) -> None:
        self.hops = 2
        self.mood = Mood.CROSS


def test_what_each_bit_is_at_first() -> None:
    start = Layout(lower(Late, SCOPE, [])).pack(Reference(Late, SCOPE).start)
    assert start and sum(bit.start << k for k, bit in enumerate(circuit(Late, SCOPE).bits)) == start


# ---- bugs put in ----


def every_code_is_one(self: AigTerms, of: Any, value: Any) -> bool:
    return True


def not_of_the_first(self: Aig, a: int, b: int) -> int:
    return self.conjunction(a ^ 1, b)


def nothing_is_negated(truth: Any) -> Any:
    return True


@pytest.mark.parametrize(
    ("owner", "attribute", "bug"),
    [(AigTerms, "is_code", every_code_is_one), (Aig, "disjunction", not_of_the_first), (circuits, "negation", nothing_is_negated)],
    ids=lambda value: value.__name__ if callable(value) else "",
)  # fmt: skip
def test_a_bug_is_noticed(monkeypatch: pytest.MonkeyPatch, owner: object, attribute: str, bug: object) -> None:
    """Arguments that are none; another function; and a step that stores out of range, taken all the same."""
    monkeypatch.setattr(owner, attribute, bug)
    assert differences(made()) > 0
