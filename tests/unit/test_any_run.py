"""Which values of a run matter: on a toy in which some do, each way that one can. What is said is tried in CPython, for all values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

import pytest

from checker.engine.reference import Reference
from checker.language.lower import lower
from checker.questions.taken_again import CANNOT, NOT_SHOWN, RANGE, Ended, taken_again
from checker.symbolic import any_run
from checker.symbolic.any_run import (
    AnyRun,
    Below,
    Codes,
    Demand,
    OneOf,
    Shape,
    Unlike,
    places_changed,
    shape_of,
    weakest,
)
from checker.symbolic.learning import OutOfTime
from checker.symbolic.sat import Solver
from model.lang import Design, Index, Mask, Property, Scope, Struct, Table, always, reachable, require, step
from tests.rigs.runs_by_hand import shows, wrong_claims

Clerk: TypeAlias = Annotated[int, Index("clerks")]
Ticket: TypeAlias = Annotated[int, Index("tickets")]


class How(Enum):
    IN_PERSON = 1
    BY_LETTER = 2
    BY_PHONE = 3


@dataclass(frozen=True)
class Sizes(Scope):
    clerks: int = 3
    tickets: int = 3


class Desk(Struct):
    at: Ticket | None = None
    open: bool = False


class Office(Design):
    """The highest ticket is served first. Clerk 1 never works, and clerk 0 is the chief."""

    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    waiting: Mask[Ticket]
    desk: Table[Clerk, Desk]
    angry: Annotated[int, Index(2)] = 0

    @step(by="guest")
    def come(self, ticket: Ticket, how: How) -> None:
        require(how != How.BY_PHONE)
        self.waiting.add(ticket)

    @step(by="guest")
    def unlock(self, clerk: Clerk) -> None:
        require(clerk != 1)
        self.desk[clerk].open = True

    @step(by="guest")
    def serve(self, clerk: Clerk) -> None:
        require(self.desk[clerk].open)
        first = require(self.waiting.highest())
        self.waiting.discard(first)
        self.desk[clerk].at = first

    @step(by="guest")
    def complain(self, loudly: bool) -> None:
        if loudly:
            self.angry = self.angry + 1


@always()
def none_is_served(s: Office, clerk: Clerk) -> bool:
    """x. Violated: x."""
    return s.desk[clerk].at is None


@always()
def it_waits(s: Office, ticket: Ticket) -> bool:
    """x. Violated: x."""
    return not any(s.desk[c].at is not None for c in s.desk) or ticket not in s.waiting


@always()
def two_never_wait(s: Office, ticket: Ticket, other: Ticket) -> bool:
    """x. Violated: x."""
    return ticket == other or ticket not in s.waiting or other not in s.waiting


@always()
def the_chief_rests(s: Office) -> bool:
    """x. Violated: x."""
    return not s.desk[0].open


@always()
def desks_stay(before: Office, s: Office, clerk: Clerk) -> bool:
    """x. Violated: x."""
    return before.desk[clerk].open == s.desk[clerk].open


@reachable()
def served(s: Office, clerk: Clerk) -> bool:
    """x."""
    return s.desk[clerk].at is not None


Moves = Sequence[tuple[str, Codes]]
COME_SERVE: Moves = [("come", (0, 0)), ("unlock", (0,)), ("serve", (0,))]
TWO: Moves = [("come", (0, 0)), ("come", (2, 0)), ("unlock", (0,)), ("serve", (0,))]
CASES: dict[str, tuple[Property, Moves, Codes, set[Demand]]] = {
    "any ticket, not clerk 1, not by phone": (
        none_is_served, COME_SERVE, (0,), {OneOf(1, (0, 1)), OneOf(2, (0, 2))}),
    "a witness": (served, COME_SERVE, (0,), {OneOf(1, (0, 1)), OneOf(2, (0, 2))}),
    "the lower one waits": (
        it_waits, TWO, (0,), {Below(0, 2), OneOf(1, (0, 1)), OneOf(3, (0, 1)), OneOf(4, (0, 2))}),
    "two that are not one": (two_never_wait, TWO[:2], (0, 2), {Unlike(0, 2), OneOf(1, (0, 1)), OneOf(3, (0, 1))}),
    "one that is named": (the_chief_rests, TWO[2:3], (), {OneOf(0, (0,))}),
    "of a step": (desks_stay, [("complain", (0,)), *TWO[2:3]], (0,), {OneOf(1, (0, 2))}),
    "one that does not": (the_chief_rests, [("complain", (1,)), ("unlock", (0,))], (), {OneOf(1, (0,))}),
}  # fmt: skip
ALL = pytest.mark.parametrize(("p", "moves", "asked", "wanted"), CASES.values(), ids=CASES.keys())


def of(runs: list[AnyRun], p: Property, moves: Moves, asked: Codes, scope: Sizes | None = None) -> AnyRun:
    scope = scope or Sizes()
    program = lower(Office, scope, [p])
    runs.append(AnyRun(program, scope, Reference(Office, scope).start, shape_of(program, moves, asked)))
    return runs[-1]


def wrong(p: Property, shape: Shape, needed: dict[Demand, Codes]) -> list[str]:
    reference = Reference(Office, Sizes())
    return wrong_claims(shape, needed, lambda codes: shows(reference, shape, p, codes))


@ALL
def test_what_matters_is_said_and_nothing_else(runs, p, moves, asked, wanted) -> None:
    run = of(runs, p, moves, asked)
    needed = weakest(run)
    assert set(needed) == wanted
    assert wrong(p, run.shape, dict(needed)) == []


def test_what_differs_is_what_it_fails_by(runs: list[AnyRun]) -> None:
    p, moves, asked, _ = CASES["the lower one waits"]
    run = of(runs, p, moves, asked)
    for demand, codes in weakest(run).items():
        changed = {n for n, code in enumerate(codes) if code != run.shape.codes[n]}
        assert changed <= ({demand.variable} if isinstance(demand, OneOf) else {demand.less, demand.more})  # type: ignore[union-attr]


def test_a_run_is_looked_for_where_there_are_fewer(runs: list[AnyRun]) -> None:
    p, moves, asked, _ = CASES["the lower one waits"]
    assert of(runs, p, moves, asked, Sizes(tickets=1)).showing() is None
    two = of(runs, p, moves, asked, Sizes(clerks=1, tickets=2))
    codes = two.showing()
    assert codes is not None and codes[0] == 0 and codes[2] == 1
    assert shows(Reference(Office, Sizes(clerks=1, tickets=2)), two.shape, p, codes)


@pytest.mark.parametrize(("loudly", "quiet"), [([0], 0), ([1], 0), ([0, 1], 1), ([0, 0, 1], 2)])
def test_a_store_out_of_range_is_no_such_run(runs: list[AnyRun], loudly: list[int], quiet: int) -> None:
    """Of complaints at most one may be loud."""
    run = of(runs, two_never_wait, [*(("complain", (code,)) for code in loudly), *TWO[:2]], (0, 2))
    needed = dict(weakest(run))
    assert wrong(two_never_wait, run.shape, needed) == []
    assert sum(isinstance(d, OneOf) and d.variable < len(loudly) for d in needed) == quiet


def test_a_run_is_taken_again_in_cpython() -> None:
    reference, loud, come = Reference(Office, Sizes()), ("complain", (True,)), ("come", (0, How.IN_PERSON))
    moves = {(move.step, move.args): move for move in reference.moves}
    serve, two = ("serve", (0,)), [("unlock", (0,)), come, ("serve", (0,))]
    for p, taken, ended in (
        (none_is_served, two, None),
        (none_is_served, [come, serve], Ended(CANNOT, 2, moves[serve])),
        (none_is_served, [loud, loud, *two], Ended(RANGE, 2, moves[loud])),
        (none_is_served, two[:2], Ended(NOT_SHOWN)),
        (served, two, None),
        (served, two[:2], Ended(NOT_SHOWN)),
        (desks_stay, two[:1], None),
        (desks_stay, two, Ended(NOT_SHOWN)),
    ):
        said = taken_again(reference, p, (0,), [moves[one] for one in taken])
        assert said == ended if ended else isinstance(said, list) and len(said) == len(taken) + 1


# --- bugs that are put in ---


def nothing_fails(self: AnyRun, demands: Sequence[Demand]) -> None:
    """A solver that always says that there are no such values."""


def test_a_solver_that_finds_nothing_is_noticed(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = of(runs, *CASES["the lower one waits"][:3])
    monkeypatch.setattr(AnyRun, "failing", nothing_fails)
    assert wrong(it_waits, run.shape, dict(weakest(run))) != []


def no_differences(shape: Shape) -> list[Demand]:
    return [d for d in found_demands(shape) if isinstance(d, OneOf)]


def one_too_few(shape: Shape) -> list[Demand]:
    return [d for d in found_demands(shape) if not isinstance(d, OneOf)]


found_demands = any_run.all_demands


@pytest.mark.parametrize("bug", [no_differences, one_too_few])
def test_a_demand_that_is_lost_is_noticed(runs, monkeypatch: pytest.MonkeyPatch, bug) -> None:
    monkeypatch.setattr(any_run, "all_demands", bug)
    noticed = 0
    for p, moves, asked, wanted in CASES.values():
        run = of(runs, p, moves, asked)
        needed = dict(weakest(run))
        noticed += set(needed) != wanted or wrong(p, run.shape, needed) != []
    assert noticed >= 2


WORKS = (0, 2)


@pytest.mark.parametrize(
    ("apart", "clerks"),
    [
        ((), {0: WORKS, 3: WORKS}),
        ((4,), {0: WORKS, 3: (0,), 4: (0,)}),
        (range(9), {0: WORKS, 3: (0,), 4: (0,), 5: (0,)}),
    ],
)
def test_an_equality_that_is_lost_is_noticed(
    runs: list[AnyRun], apart: Sequence[int], clerks: dict[int, Codes]
) -> None:
    """Two clerks open, and one of them serves. If who serves need not be called as who has opened, each has to be who it is; the
    other one may be anybody who works."""
    scope, p = Sizes(), none_is_served
    moves: Moves = [("unlock", (2,)), ("come", (0, 0)), ("unlock", (0,)), ("serve", (0,))]
    program = lower(Office, scope, [p])
    shape = shape_of(program, moves, (0,), apart)
    runs.append(AnyRun(program, scope, Reference(Office, scope).start, shape))
    needed = dict(weakest(runs[-1]))
    assert wrong(p, shape, needed) == []
    assert set(needed) == {OneOf(2, (0, 1)), *(OneOf(clerk, codes) for clerk, codes in clerks.items())}


def test_a_place_is_changed_alone() -> None:
    """Who opens, who serves, and whom it is asked of: not the ticket, which stands nowhere else."""
    shape = shape_of(lower(Office, Sizes(), [none_is_served]), COME_SERVE, (0,), range(9))
    assert [place for place, _ in places_changed(shape)] == [2, 3, 4]
    for place, changed in places_changed(shape):
        assert [codes[place] for codes in changed] == [1, 2]
        assert all(codes[:place] + codes[place + 1 :] == (0, 0, 0, 0) for codes in changed)


def test_what_stands_nowhere_else_is_tried_first() -> None:
    """And the others only where there is no such value: tickets 0 and 2 are there already, clerk 0 is alone."""
    for tickets, tried in ((4, [[3, 1], [3, 1]]), (3, [[1], [1]])):
        scope = Sizes(tickets=tickets)
        shape = shape_of(lower(Office, scope, [two_never_wait]), TWO, (0, 2), range(9))
        found = [sorted((c[place] for c in changed), reverse=True) for place, changed in places_changed(shape)]
        assert found[:2] == tried
    few = Sizes(clerks=1, tickets=2)
    moves: Moves = [("come", (0, 0)), ("come", (1, 0)), ("unlock", (0,)), ("serve", (0,))]
    shape = shape_of(lower(Office, few, [two_never_wait]), moves, (0, 1), range(9))
    found = [[codes[place] for codes in changed] for place, changed in places_changed(shape)]
    assert found == [[1], [0], [], [], [1], [0]]


@pytest.mark.parametrize("when", [0, 1, 4])
def test_time_may_run_out(when: int) -> None:
    p, moves, asked, _ = CASES["any ticket, not clerk 1, not by phone"]
    program, left = lower(Office, Sizes(), [p]), [when]

    def watch() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OutOfTime

    with pytest.raises(OutOfTime):
        weakest(AnyRun(program, Sizes(), Reference(Office, Sizes()).start, shape_of(program, moves, asked), watch))


def test_the_solver_is_asked(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else the tests above would say nothing of it."""
    asked = list[int]()
    model = Solver.model

    def counted(self: Solver, *args: object, **named: object) -> object:
        asked.append(1)
        return model(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Solver, "model", counted)
    weakest(of(runs, *CASES["the lower one waits"][:3]))
    assert len(asked) > 5
