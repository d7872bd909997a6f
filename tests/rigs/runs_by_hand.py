"""What is said of the values of a run, looked at in plain CPython: every choice of values is tried, and no solver is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checker.engine.reference import Codes, Reference
from checker.symbolic.any_run import Below, Demand, OneOf, Shape
from model.finite import RangeError, decode, size
from model.lang import Kind, Property


def shows(reference: Reference, shape: Shape, p: Property, codes: Sequence[int]) -> bool:
    """Can the run be taken with these values, and does it end in what the property is asked about?"""

    def values(numbers: Mapping[str, int]) -> list[Any]:
        return [decode(shape.variables[n].of, codes[n]) for n in numbers.values()]

    moves = {(move.step, move.args): move for move in reference.moves}
    before: Codes | None = None
    state = reference.start
    for given in shape.moves:
        try:
            following = reference.successor(state, moves[given.name, tuple(values(given.variables))])
        except RangeError:
            return False
        if following is None:
            return False
        before, state = state, following
    args = values(shape.asked.variables)
    if shape.formula.of_edges:
        assert before is not None
        holds = reference.holds_on_edge(p.function, args, before, state)
    else:
        holds = bool(reference.holds(p.function, args, state))
    return holds is (p.kind is Kind.REACHABLE)


def met(demand: Demand, codes: Sequence[int]) -> bool:
    match demand:
        case OneOf(variable, allowed):
            return codes[variable] in allowed
        case Below(less, more):
            return codes[less] < codes[more]
        case _:
            return codes[demand.one] != codes[demand.other]


def every_choice(shape: Shape) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(size(v.of)) for v in shape.variables)))


def wrong_claims(
    shape: Shape, needed: Mapping[Demand, Sequence[int]], shows: Callable[[Sequence[int]], bool]
) -> list[str]:
    """What is not as it is said: values that meet every demand, and yet do not do; and a demand without which they do."""
    found = list[str]()
    for codes in every_choice(shape):
        if all(met(demand, codes) for demand in needed) and not shows(codes):
            found.append(f"{codes} meets every demand, and is no such run")
    for demand, codes in needed.items():
        if shows(codes) or met(demand, codes) or not all(met(d, codes) for d in needed if d != demand):
            found.append(f"{codes} does not show that {demand} matters")
    return found
