"""With which values a run goes on for ever, fairly and without what is promised: on a toy in which each condition matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pytest

from checker.engine.reference import Reference
from checker.language.lower import lower
from checker.questions.taken_again import Ended, taken_again, taken_first
from checker.symbolic import any_lasso, any_run
from checker.symbolic.any_run import AnyRun, Codes, Demand, OneOf, Shape, shape_of, weakest
from model.lang import Design, Fair, Index, Mask, Scope, leads_to, require, step
from tests.rigs.runs_by_hand import every_choice, shows, wrong_claims

Ticket: TypeAlias = Annotated[int, Index("tickets")]
Clerk: TypeAlias = Annotated[int, Index("clerks")]


@dataclass(frozen=True)
class Sizes(Scope):
    tickets: int = 4
    clerks: int = 3


class Shop(Design):
    """Ticket 3 is served soon, ticket 2 whenever clerk 1 has a turn, ticket 1 breaks the till; ticket 0 waits for ever."""

    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    waiting: Mask[Ticket]
    at: Clerk = 0
    warm: bool = False
    served: Annotated[int, Index(2)] = 1

    @step(by="guest")
    def come(self, ticket: Ticket) -> None:
        self.waiting.add(ticket)

    @step(by="guest")
    def turn(self, clerk: Clerk) -> None:
        self.at = clerk

    @step(by="guest")
    def leave(self, ticket: Ticket) -> None:
        require(ticket in self.waiting)
        self.waiting.discard(ticket)

    @step(by="guest", fair=Fair.FINITE)
    def tease(self) -> None:
        require(self.waiting.highest() is not None)

    @step(by="guest", fair=Fair.WEAK)
    def serve(self, ticket: Ticket) -> None:
        require(ticket in self.waiting and ticket == 3)
        self.waiting.discard(ticket)

    @step(by="guest", fair=Fair.STRONG)
    def answer(self, clerk: Clerk) -> None:
        require(2 in self.waiting and self.at == clerk and clerk == 1)
        self.waiting.discard(2)

    @step(by="guest", fair=Fair.WEAK)
    def till(self) -> None:
        require(1 in self.waiting)
        self.served = self.served + 1

    @step(by="guest", fair=Fair.WEAK)
    def look(self, clerk: Clerk) -> None:
        require(clerk > 2)
        self.at = clerk

    @step(by="guest", fair=Fair.WEAK)
    def heat(self, clerk: Clerk) -> None:
        require(not self.warm and clerk == 2)
        self.warm = True


@leads_to()
def all_are_served(s: Shop, ticket: Ticket) -> tuple[bool, bool]:
    """x. Violated: x."""
    return ticket in s.waiting and s.at == 0, ticket not in s.waiting


Moves = Sequence[tuple[str, Codes]]
WARM: Moves = [("heat", (2,))]
# A run, where its loop begins, and what has to hold of its values.
CASES: dict[str, tuple[Moves, int, Codes, set[Demand]]] = {
    "it stays": ([*WARM, ("come", (0,))], 2, (0,), {OneOf(0, (2,)), OneOf(1, (0, 2))}),
    "round and round": ([*WARM, ("come", (0,)), ("turn", (1,)), ("turn", (0,))], 2, (0,), set()),
    "by a clerk who need not be told": ([*WARM, ("come", (0,)), ("turn", (0,))], 2, (0,), {OneOf(0, (2,)), OneOf(1, (0, 2)), OneOf(2, (0,))}),
    "one leaves and comes": (
        [*WARM, ("come", (0,)), ("come", (2,)), ("leave", (2,)), ("come", (2,))], 3, (0,), set()),
}  # fmt: skip


def of(runs: list[AnyRun], moves: Moves, loop: int, asked: Codes, scope: Sizes | None = None) -> AnyRun:
    scope = scope or Sizes()
    program = lower(Shop, scope, [all_are_served])
    shape = shape_of(program, moves, asked, loop=loop)
    runs.append(any_run.AnyRun(program, scope, Reference(Shop, scope).start, shape))
    return runs[-1]


def wrong(shape: Shape, needed: dict[Demand, Codes]) -> list[str]:
    reference = Reference(Shop, Sizes())
    return wrong_claims(shape, needed, lambda codes: shows(reference, shape, all_are_served, codes))


@pytest.mark.parametrize("name", CASES)
def test_what_matters_is_said_and_nothing_else(runs: list[AnyRun], name: str) -> None:
    moves, loop, asked, wanted = CASES[name]
    run = of(runs, moves, loop, asked)
    needed = dict(weakest(run))
    assert wrong(run.shape, needed) == []
    assert not wanted or set(needed) == wanted


@pytest.mark.parametrize("name", CASES)
def test_of_each_choice_of_values_the_solver_and_cpython_say_the_same(runs: list[AnyRun], name: str) -> None:
    run, reference = of(runs, *CASES[name][:3]), Reference(Shop, Sizes())
    seen = set[bool]()
    for codes in every_choice(run.shape):
        fixed = [OneOf(number, (code,)) for number, code in enumerate(codes)]
        does = shows(reference, run.shape, all_are_served, codes)
        assert (run.showing(fixed) is not None) is does and (run.failing(fixed) is None) is does, codes
        assert (not isinstance(again(reference, run.shape, codes), Ended)) is does, codes
        seen.add(does)
    assert seen == {True, False}


def again(reference: Reference, shape: Shape, codes: Codes) -> Any:
    """The same by what `eoi why` asks CPython with."""
    by_name = {(move.step, move.args): move for move in reference.moves}
    moves = [by_name[given.name, tuple(codes[n] for n in given.variables.values())] for given in shape.moves]
    args = [codes[n] for n in shape.asked.variables.values()]
    return taken_again(reference, all_are_served, args, moves, None if shape.loop == len(moves) else shape.loop)


def test_finite_steps_are_in_no_loop(runs: list[AnyRun]) -> None:
    run = of(runs, [*WARM, ("come", (0,)), ("tease", ())], 2, (0,))
    assert run.showing() is None and run.failing([]) is not None
    assert isinstance(again(Reference(Shop, Sizes()), run.shape, run.shape.codes), Ended)


def test_where_there_are_fewer(runs: list[AnyRun]) -> None:
    moves, loop, asked, _ = CASES["it stays"]
    few = Sizes(clerks=2, tickets=3)
    run = of(runs, moves[1:], loop - 1, asked, few)
    codes = run.showing()
    assert codes is not None and shows(Reference(Shop, few), run.shape, all_are_served, codes)
    assert of(runs, moves[1:], loop - 1, asked).showing() is None  # it is not warm


def test_what_is_owed_comes_first() -> None:
    reference = Reference(Shop, Sizes())
    moves = {(move.step, move.args): move for move in reference.moves}
    stays = [moves["come", (0,)]]
    assert taken_again(reference, all_are_served, (0,), stays) == Ended("heat would have to happen in the end")
    assert taken_first(reference, all_are_served, (0,), stays, None) == [moves["heat", (2,)]]
    assert taken_first(reference, all_are_served, (0,), [moves["heat", (2,)], *stays], None) == []
    assert isinstance(taken_first(reference, all_are_served, (3,), [moves["come", (3,)]], None), Ended)
    assert isinstance(taken_first(reference, all_are_served, (1,), [moves["come", (1,)]], None), Ended)
    assert taken_first(reference, all_are_served, (2,), [moves["leave", (2,)]], None) == Ended(
        "cannot be taken", 1, moves["leave", (2,)]
    )


# --- bugs that are put in ---

BUGS = {
    "it need not come back": ("found = both(found, self._terms.equal(now, then))", "pass"),
    "what is promised may come": ("found = both(found, negation(q)) if number >= self._start else found", "pass"),
    "nothing need be promised": ("return both(found, waits)", "return found"),
    "nothing is owed": ("return either(broken, owed)", "return False"),
    "what breaks is not owed": ("return either(broken, owed)", "return owed"),
    "STRONG is WEAK": ("owed = some if step.fair is Fair.STRONG else every", "owed = every"),
    "FINITE may be repeated": ("found, waits = not any(self._fair(name) is Fair.FINITE for name, _ in self._repeated), False", "found, waits = True, False"),
    "only the first state is looked at": ("self._states[self._start : -1] or self._states[-1:]", "self._states[self._start : self._start + 1]"),
    "what is taken is owed all the same": ("owed = both(owed, negation(same))", "pass"),
    "arguments are any code": ("found = either(found, both(real, self._is_owed(step, args)))", "found = either(found, self._is_owed(step, args))"),
}  # fmt: skip
MORE: dict[str, tuple[Moves, int, Codes]] = {
    "FINITE": ([*WARM, ("come", (0,)), ("tease", ())], 2, (0,)),
    "it is answered": (
        [*WARM, ("come", (0,)), ("turn", (1,)), ("come", (2,)), ("answer", (1,)), ("come", (2,))],
        4,
        (0,),
    ),
    "it is not promised": ([*WARM, ("turn", (1,)), ("come", (0,))], 3, (0,)),
    "another is asked about": ([*WARM, ("come", (0,))], 2, (2,)),
    "it is served": ([*WARM, ("come", (0,)), ("come", (3,)), ("serve", (3,)), ("come", (3,))], 3, (0,)),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(runs: list[AnyRun], bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somewhere the solver then says of a choice of values what CPython does not."""
    source, (good, bad) = Path(any_lasso.__file__).read_text(), BUGS[bug]
    assert source.count(good) == 1
    module: dict[str, Any] = {"__name__": "broken", "__file__": any_lasso.__file__}
    exec(compile(source.replace(good, bad), any_lasso.__file__, "exec"), module)
    monkeypatch.setattr(any_run, "AnyLasso", module["AnyLasso"])
    reference, noticed = Reference(Shop, Sizes()), 0
    for moves, loop, asked in [*(case[:3] for case in CASES.values()), *MORE.values()]:
        run = of(runs, moves, loop, asked)
        for codes in every_choice(run.shape):
            fixed = [OneOf(number, (code,)) for number, code in enumerate(codes)]
            noticed += (run.failing(fixed) is None) is not shows(reference, run.shape, all_are_served, codes)
    assert noticed
