"""What is said of the values of a run, looked at in plain CPython: every choice of values is tried, and no solver is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checker.engine.reference import Codes, Move, Reference
from checker.symbolic.any_run import Below, Demand, OneOf, Shape
from model.finite import RangeError, decode, size
from model.lang import Fair, Kind, Property


def shows(reference: Reference, shape: Shape, p: Property, codes: Sequence[int]) -> bool:
    """Can the run be taken with these values, and does it end in what the property is asked about?"""

    def values(numbers: Mapping[str, int]) -> list[Any]:
        return [decode(shape.variables[n].of, codes[n]) for n in numbers.values()]

    moves = {(move.step, move.args): move for move in reference.moves}
    taken = [moves[given.name, tuple(values(given.variables))] for given in shape.moves]
    before: Codes | None = None
    states = [state := reference.start]
    for move in taken:
        try:
            following = reference.successor(state, move)
        except RangeError:
            return False
        if following is None:
            return False
        before, state = state, following
        states.append(state)
    args = values(shape.asked.variables)
    if shape.loop is not None:
        try:
            return for_ever(reference, p, args, taken, states, shape.loop)
        except RangeError:
            return False
    if shape.formula.of_edges:
        assert before is not None
        holds = reference.holds_on_edge(p.function, args, before, state)
    else:
        holds = bool(reference.holds(p.function, args, state))
    return holds is (p.kind is Kind.REACHABLE)


def for_ever(
    reference: Reference, p: Property, args: Sequence[Any], taken: Sequence[Move], states: Sequence[Codes], loop: int
) -> bool:
    """Does it come back to where its loop begins, fairly, and is what is promised there not kept? A run that stays has no step in
    its loop."""
    said = [reference.holds(p.function, args, state) for state in states]
    kept_again = [number for number, (_, q) in enumerate(said) if q]
    since = kept_again[-1] + 1 if kept_again else 0
    if states[loop] != states[-1] or since > loop or not any(promised for promised, _ in said[since:]):
        return False
    offered = [{reference.moves[n] for n, _ in reference.successors(state)} for state in states[loop:]]
    for move in reference.moves:
        is_taken = move in taken[loop:]
        match move.fair:
            case Fair.FINITE if is_taken:
                return False
            case Fair.WEAK if not is_taken and all(move in some for some in offered):
                return False
            case Fair.STRONG if not is_taken and any(move in some for some in offered):
                return False
            case _:
                pass
    return True


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
