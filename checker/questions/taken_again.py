"""A run that is taken once more in CPython, in a system that need not be the one it was found in, or with other values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Move, Reference, Value, is_of_edges
from checker.questions.shown import Shown
from model.finite import RangeError
from model.lang import Disabled, Kind, Property

CANNOT, RANGE, NOT_SHOWN = "cannot be taken", "stores out of range", "it ends without a violation"
BROKEN = f"a step that could come {RANGE}"
TOO_MANY, MOST_OWED = "more steps may be owed than are looked at", 100_000
ROUNDS, MOST = 8, 1_000  # of what is owed and comes first: how often that is looked for, and how many steps


@dataclass(frozen=True)
class Ended:
    """Why it is no such run. number: of the move that is none, from 1; 0: all are, but the property says something else
    after them."""

    why: str
    number: int = 0
    move: Move | None = None


def taken_again(
    reference: Reference, p: Property, args: Sequence[Value], moves: Sequence[Move], loop: int | None = None
) -> list[Codes] | Ended:
    """The states of a run that violates a property with these arguments, or shows it. loop: of a leads_to, which state the last one
    is again; None if the run stays there."""
    codes = _states(reference, moves)
    if isinstance(codes, Ended):
        return codes
    if p.kind is Kind.LEADS_TO:
        if reference.how_many_owed() > MOST_OWED:
            return Ended(TOO_MANY)
        try:
            why = _why_not_for_ever(Shown(reference, p, codes, moves, loop, loop is None), args)
        except RangeError:
            why = BROKEN
        return Ended(why) if why else codes
    if is_of_edges(p):
        holds = len(codes) < 2 or reference.holds_on_edge(p.function, args, codes[-2], codes[-1])
    else:
        holds = bool(reference.holds(p.function, args, codes[-1]))
    return codes if holds is (p.kind is Kind.REACHABLE) else Ended(NOT_SHOWN)


def taken_first(
    reference: Reference, p: Property, args: Sequence[Value], moves: Sequence[Move], loop: int | None,
    watch: Callable[[], None] = lambda: None,
) -> list[Move] | Ended:  # fmt: skip
    """Of a run that goes on for ever: what has to be taken before that, so that no step is owed. Where there are more vCPUs it is
    what these do in the end, whatever the others do; and the loop once, if that changes what it comes back to. watch: called
    now and then; may raise."""
    if reference.how_many_owed() > MOST_OWED:
        return Ended(TOO_MANY)
    begin = len(moves) if loop is None else loop
    first, others, why = list[Move](), dict[Move, None](), ""
    for _ in range(ROUNDS):
        watch()
        run, start = [*moves[:begin], *first, *moves[begin:]], None if loop is None else loop + len(first)
        codes = _states(reference, run)
        if isinstance(codes, Ended):  # of which step it is the number is no longer that of the run
            return Ended(f"{codes.move.step} {codes.why}") if codes.move is not None and first else codes
        shown = Shown(reference, p, codes, run, start, start is None)
        try:
            why = _why_not_for_ever(shown, args)
            if not why:
                return first
            others |= dict.fromkeys(shown.owed())
            more = _until_nothing_changes(reference, codes[begin + len(first)], others)
        except RangeError:
            return Ended(BROKEN)
        first += more or moves[begin:]
    return Ended(why)


def _states(reference: Reference, moves: Sequence[Move]) -> list[Codes] | Ended:
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
    return codes


def _why_not_for_ever(shown: Shown, args: Sequence[Value]) -> str:
    values = tuple(args)
    return shown.why_no_lasso() or ("" if shown.shows(values) else shown.why_kept(values))


def _until_nothing_changes(reference: Reference, state: Codes, owed: Iterable[Move]) -> list[Move]:
    """Those of them that can be taken from there on, one after the other, as long as one does something."""
    found, before = list[Move](), -1
    while before < len(found) < MOST:
        before = len(found)
        for move in owed:
            following = reference.successor(state, move)
            if following is not None and following != state:
                found.append(move)
                state = following
    return found
