"""A run that is taken once more in CPython, in a system that need not be the one it was found in, or with other values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Move, Reference, Value, is_of_edges
from model.finite import RangeError
from model.lang import Disabled, Kind, Property

CANNOT, RANGE, NOT_SHOWN = "cannot be taken", "stores out of range", "it ends without a violation"


@dataclass(frozen=True)
class Ended:
    """Why it is no such run. number: of the move that is none, from 1; 0: all are, but the property says something else
    after them."""

    why: str
    number: int = 0
    move: Move | None = None


def taken_again(reference: Reference, p: Property, args: Sequence[Value], moves: Sequence[Move]) -> list[Codes] | Ended:
    """The states of a run that violates a property with these arguments, or shows it."""
    codes = [reference.start]
    for number, move in enumerate(moves, 1):
        why = CANNOT
        try:
            following = reference.successor(codes[-1], move)
        except RangeError:
            following, why = None, RANGE
        except (Disabled, IndexError):
            following = None
        if following is None:
            return Ended(why, number, move)
        codes.append(following)
    if is_of_edges(p):
        holds = len(codes) < 2 or reference.holds_on_edge(p.function, args, codes[-2], codes[-1])
    else:
        holds = bool(reference.holds(p.function, args, codes[-1]))
    return codes if holds is (p.kind is Kind.REACHABLE) else Ended(NOT_SHOWN)
