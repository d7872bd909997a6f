"""Clauses that are learnt from views and checked by SAT: against enumeration on a toy, and with bugs put in."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
import pytest

from checker.engine.reference import Reference
from checker.errors import InternalError, UserError
from checker.language.layout import Layout
from checker.language.lower import lower
from checker.symbolic import induct, obligations
from checker.symbolic import vocabulary as vocabulary_module
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.before import StateBefore
from checker.symbolic.induct import false_initially, steps_checked
from checker.symbolic.learning import Clock, Learner, OutOfTime, Stuck
from checker.symbolic.obligations import NO_FAULT, Obligations, StepBreaks
from checker.symbolic.sat import Solver
from checker.symbolic.smt import Symbolic
from checker.symbolic.views import OneState, States, Views
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import size
from model.lang import Design, Index, Mask, Property, Scope, Struct, Table, always, require, step

Seat: TypeAlias = Annotated[int, Index("seats")]
Coat: TypeAlias = Annotated[int, Index("coats")]


@dataclass(frozen=True)
class Sizes(Scope):
    seats: int = 2
    coats: int = 2
    sloppy: bool = False


class Place(Struct):
    hung: Mask[Coat]
    worn: Coat | None = None


class Cloakroom(Design):
    """A coat is hung at one seat at most. Who wears one has taken it from where it hung."""

    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    place: Table[Seat, Place]
    full: Annotated[int, Index(3)] = 0

    @step(by="guest")
    def hang(self, seat: Seat, coat: Coat) -> None:
        require(not any(coat in self.place[s].hung or self.place[s].worn == coat for s in self.place))
        self.place[seat].hung.add(coat)

    @step(by="guest")
    def wear(self, seat: Seat, coat: Coat) -> None:
        place = self.place[seat]
        require(coat in place.hung and place.worn is None)
        place.hung.discard(coat)
        place.worn = coat

    @step(by="guest")
    def drop(self, seat: Seat, other: Seat) -> None:
        place = self.place[seat]
        coat = require(place.worn)
        require(self.scope.sloppy or not place.hung)
        place.worn = None
        self.place[other].hung.add(coat)


@always()
def a_coat_hangs_once(s: Cloakroom, seat: Seat, other: Seat, coat: Coat) -> bool:
    return seat == other or coat not in s.place[seat].hung or coat not in s.place[other].hung


@always()
def nobody_wears_what_hangs(s: Cloakroom, seat: Seat, coat: Coat) -> bool:
    return s.place[seat].worn != coat or coat not in s.place[seat].hung


@always()
def nothing_is_worn(s: Cloakroom, seat: Seat) -> bool:
    """False after two steps."""
    return s.place[seat].worn is None


@always()
def somebody_wears(s: Cloakroom) -> bool:
    """False at first."""
    return any(p.worn is not None for p in s.place.values())


@always()
def coats_stay_in_the_house(before: Cloakroom, after: Cloakroom, coat: Coat) -> bool:
    """Of steps: true, and needs that a coat is in one place."""
    return not any(coat in p.hung or p.worn == coat for p in before.place.values()) or any(
        coat in p.hung or p.worn == coat for p in after.place.values()
    )


GOOD: list[Property] = [a_coat_hangs_once, nobody_wears_what_hangs, coats_stay_in_the_house]


def reachable(scope: Sizes) -> np.ndarray[Any, Any]:
    return np.array(Reference(Cloakroom, scope).explore().states)


def mined(scopes: list[Sizes]) -> Views:
    views: Views | None = None
    for scope in scopes:
        program = lower(Cloakroom, scope, [])
        vocabulary = Vocabulary(program)
        views = views or Views(vocabulary)
        states = States(program, scope, reachable(scope))
        for shape in vocabulary.shapes:
            for rows in states.views(vocabulary, shape):
                views.add(shape, rows)
    assert views is not None
    return views


def learnt(asked: list[Property], scope: Sizes) -> list[Clause]:
    learner = Learner(lower(Cloakroom, scope, asked), scope, mined([Sizes(), Sizes(3, 2), scope]), Clock(60))
    try:
        return learner.learn()
    finally:
        learner.close()


def what_breaks(asked: list[Property], clauses: list[Clause], scope: Sizes) -> list[str]:
    program = lower(Cloakroom, scope, asked)
    checked = list(steps_checked(program, scope, clauses, time.monotonic() + 60, processes=1))
    assert sorted(c.step for c in checked) == ["drop", "hang", "wear"]
    return [str(c.broken[0]) for c in checked if c.broken]


def test_how_far_it_is_is_told_in_words_of_an_invariant() -> None:
    told = list[str]()
    learner = Learner(lower(Cloakroom, Sizes(), GOOD), Sizes(), mined([Sizes(), Sizes(3, 2)]), Clock(60, told.append))
    clauses = learner.learn()
    learner.close()
    assert told[0] == "looking for an invariant: clauses so far 0, steps found that break it 0"
    assert learner.breaks and any(said.endswith(f"steps found that break it {learner.breaks}") for said in told)
    assert clauses and told[-1].startswith("invariant found, of ")


def test_what_is_learnt_is_inductive_at_larger_sizes_and_true_of_all_reachable_states() -> None:
    clauses = learnt(GOOD, Sizes())
    assert clauses
    for scope in (Sizes(), Sizes(3, 3), Sizes(5, 4), Sizes(1, 2)):
        program = lower(Cloakroom, scope, GOOD)
        assert what_breaks(GOOD, clauses, scope) == []
        assert false_initially(program, scope, Reference(Cloakroom, scope), clauses, GOOD) == []
    for scope in (Sizes(), Sizes(3, 3)):
        assert all(true_in_every_state(clause, scope) for clause in clauses)


def test_a_clause_to_begin_with_that_fails_is_dropped_and_learning_goes_on() -> None:
    """As one that was learnt at smaller sizes. No clause is looked for that would support it: there is none."""
    scope = Sizes(3, 3)
    program = lower(Cloakroom, scope, GOOD)
    wrong = Vocabulary(program).parsed("place[seat].worn is None")
    learner = Learner(program, scope, mined([scope]), Clock(60), [wrong])
    clauses = learner.learn()
    learner.close()
    assert clauses and wrong not in clauses
    assert what_breaks(GOOD, clauses, scope) == []


def test_clauses_that_nothing_vouches_for_are_caught_by_the_check() -> None:
    """Whatever the views are: here those of one seat, where nobody hangs anything twice."""
    few = mined([Sizes(1, 2)])
    learner = Learner(lower(Cloakroom, Sizes(1, 2), GOOD), Sizes(1, 2), few, Clock(60))
    clauses = [*learner.learn(), learner.vocabulary.parsed("place[seat].hung is empty or place[seat].worn is None")]
    learner.close()
    assert what_breaks(GOOD, clauses, Sizes(3, 3)) != []


def true_in_every_state(clause: Clause, scope: Sizes) -> bool:
    program = lower(Cloakroom, scope, [])
    state = OneState(Symbolic(program, scope, ArrayTerms()), Vocabulary(program))
    for codes in reachable(scope).tolist():
        state.go_to(codes)
        if state.breaks(clause):
            return False
    return True


def test_dropping_any_clause_makes_it_fail() -> None:
    """They are as few as it takes, and a check that does not need them would be none."""
    clauses = learnt(GOOD, Sizes())
    for clause in clauses:
        assert what_breaks(GOOD, [c for c in clauses if c != clause], Sizes()), clause


def test_a_property_that_is_false_is_not_proved() -> None:
    with pytest.raises(Stuck) as stuck:
        learnt([nothing_is_worn], Sizes())
    assert stuck.value.found.goal == "nothing_is_worn" and stuck.value.found.step == "wear"
    assert what_breaks([nothing_is_worn], [], Sizes()) == ["nothing_is_worn"]


def test_a_property_or_a_clause_that_is_false_at_first_is_refused() -> None:
    program, reference = lower(Cloakroom, Sizes(), [somebody_wears]), Reference(Cloakroom, Sizes())
    assert what_breaks([somebody_wears], [], Sizes()) != ["not looked at"]
    assert false_initially(program, Sizes(), reference, [], [somebody_wears]) == ["somebody_wears"]
    clause = Vocabulary(program).parsed("not place[seat].worn is None")
    assert false_initially(program, Sizes(), reference, [clause], []) == [clause]


def test_a_sloppy_guest_breaks_it() -> None:
    """With the choice, a coat may hang where it is dropped; without, too: what is dropped is nowhere else."""
    assert what_breaks(GOOD, learnt(GOOD, Sizes()), Sizes(sloppy=True)) == []


# --- against enumeration: every typed state of the toy ---


def everything(scope: Sizes) -> Iterator[tuple[int, ...]]:
    types = [leaf.type for leaf in Layout(lower(Cloakroom, scope, [])).leaves]
    yield from itertools.product(*(range(size(of)) for of in types))


@pytest.mark.parametrize("clauses", [[], ["not place[seat].worn == coat or not coat in place[seat].hung"]])
def test_a_step_breaks_what_enumeration_says(clauses: list[str]) -> None:
    """For each property and step: is there a state, reachable or not, from which it is broken?"""
    scope, asked = Sizes(), [a_coat_hangs_once, coats_stay_in_the_house]
    program, reference = lower(Cloakroom, scope, asked), Reference(Cloakroom, scope)
    vocabulary = Vocabulary(program)
    assumed = [vocabulary.parsed(c) for c in clauses]
    state = OneState(Symbolic(program, scope, ArrayTerms()), vocabulary)
    args = list(itertools.product(range(2), range(2), range(2)))
    broken = set[tuple[str, str]]()
    for codes in everything(scope):
        state.go_to(codes)
        if any(state.breaks(c) for c in assumed):
            continue
        if not all(reference.holds(a_coat_hangs_once.function, a, codes) for a in args):
            continue
        for number, after in reference.successors(codes):
            step_ = reference.moves[number].step
            if not all(reference.holds(a_coat_hangs_once.function, a, after) for a in args):
                broken.add((step_, "a_coat_hangs_once"))
            if not all(reference.holds_on_edge(coats_stay_in_the_house.function, [c], codes, after) for c in range(2)):
                broken.add((step_, "coats_stay_in_the_house"))
    said = set[tuple[str, str]]()
    for step_ in program.steps:
        asked_of = Obligations(StateBefore(program, scope, vocabulary), step_)
        for name in asked_of.formulas:
            if isinstance(asked_of.ask(name, assumed), StepBreaks):
                said.add((step_.name, name))
    assert said == broken
    assert broken


# --- steps that fault ---


class Counter(Design):
    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    place: Table[Seat, Place]
    full: Annotated[int, Index(3)] = 0

    @step(by="guest")
    def count(self) -> None:
        self.full = self.full + 1


@always()
def not_so_full(s: Counter) -> bool:
    return s.full < 2


@always()
def any_fullness(s: Counter) -> bool:
    return s.full < 3


def test_a_fault_is_a_bad_end() -> None:
    """The property of states holds after every step that ends, and the step that does not end is told."""
    program = lower(Counter, Sizes(), [any_fullness])
    (of,) = program.steps
    asked = Obligations(StateBefore(program, Sizes(), Vocabulary(program)), of)
    said = asked.ask(NO_FAULT, [])
    assert isinstance(said, StepBreaks) and said.successor is None and said.state[-1] == 2
    assert not isinstance(asked.ask("any_fullness", []), StepBreaks)
    (checked,) = steps_checked(program, Sizes(), [], time.monotonic() + 60, processes=1)
    assert checked.broken == [NO_FAULT]


# --- the highest member of a mask ---


class Nested(Design):
    """What begins last ends first: each is above those that are open."""

    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    place: Table[Seat, Place]
    open: Mask[Coat]
    inner: Coat | None = None
    crossed: bool = False

    @step(by="guest")
    def begin(self, coat: Coat) -> None:
        inner = self.inner
        require(inner is None or coat > inner)
        self.open.add(coat)
        self.inner = coat

    @step(by="guest")
    def end(self) -> None:
        last = require(self.open.highest())
        if self.inner != last:
            self.crossed = True
        self.open.discard(last)
        self.inner = self.open.highest()


@always()
def nothing_is_crossed(s: Nested) -> bool:
    return not s.crossed


def test_the_highest_member_is_an_atom_where_the_model_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is innermost is the highest that is open: no atom of one coat says so otherwise."""
    scope = Sizes(1, 3)
    clauses = learnt_of_nested(scope)
    assert any("open.highest() == coat" in str(c) for c in clauses)
    large = Sizes(1, 5)
    checked = steps_checked(
        lower(Nested, large, [nothing_is_crossed]), large, clauses, time.monotonic() + 60, processes=1
    )
    assert [c.broken for c in checked] == [[], []]
    monkeypatch.setattr(vocabulary_module, "picked", lambda _: set[object]())
    with pytest.raises(Stuck):
        learnt_of_nested(scope)


def learnt_of_nested(scope: Sizes) -> list[Clause]:
    program = lower(Nested, scope, [nothing_is_crossed])
    vocabulary = Vocabulary(program)
    views = Views(vocabulary)
    states = States(program, scope, np.array(Reference(Nested, scope).explore().states))
    for shape in vocabulary.shapes:
        for rows in states.views(vocabulary, shape):
            views.add(shape, rows)
    learner = Learner(program, scope, views, Clock(60))
    try:
        return learner.learn()
    finally:
        learner.close()


# --- what is said as text ---


def test_clauses_are_read_back() -> None:
    program = lower(Cloakroom, Sizes(3, 4), GOOD)
    vocabulary = Vocabulary(program)
    for clause in learnt(GOOD, Sizes()):
        assert vocabulary.parsed(str(clause)) == clause
    with pytest.raises(UserError, match=r"'place\[seat\]\.hung is full' says nothing"):
        vocabulary.parsed("place[seat].hung is full or place[seat].worn is None")


def test_the_atoms_come_from_types_and_guards() -> None:
    texts = Vocabulary(lower(Cloakroom, Sizes(), [])).atoms
    assert {"place[seat].worn is None", "place[seat2].worn == coat", "coat in place[seat].hung", "full == 2"} <= set(
        texts
    )
    assert any(text.startswith("any(any_seat in seats") and "coat" in text for text in texts)
    assert not any("letter" in text for text in texts)


def test_all_text_of_a_guard_is_the_same_at_every_size() -> None:
    small, large = (set(Vocabulary(lower(Cloakroom, s, [])).atoms) for s in (Sizes(), Sizes(5, 7)))
    assert small == large


# --- time ---


def test_there_is_a_limit() -> None:
    program = lower(Cloakroom, Sizes(), GOOD)
    with pytest.raises(OutOfTime):
        Learner(program, Sizes(), mined([Sizes()]), Clock(0)).learn()
    assert list(steps_checked(program, Sizes(), [], time.monotonic() - 1)) == []


# --- bugs put in ---


def test_a_solver_that_refutes_everything_would_prove_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why other solvers look at it again: this is what a lie looks like from here."""
    monkeypatch.setattr(Solver, "model", lambda *_: None)
    monkeypatch.setattr(Solver, "core", lambda *_: set[int]())
    assert what_breaks([nothing_is_worn], [], Sizes()) == []


def test_a_counterexample_that_is_none_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Solver.value
    monkeypatch.setattr(Solver, "value", lambda self, model, literal: not honest(self, model, literal))
    with pytest.raises(InternalError):
        what_breaks([nothing_is_worn], [], Sizes())


def step_is_left_out(self: Any, number: int) -> Any:
    return honest_step(self, 0)


honest_step = induct._Question.step  # pyright: ignore[reportPrivateUsage]


def first_indices_only(self: Any, clause: Clause) -> Iterator[list[int]]:
    yield from itertools.islice(honest_of_clause(self, clause), 1)


honest_of_clause = Obligations._of_clause  # pyright: ignore[reportPrivateUsage]


def no_bindings(params: Any) -> Iterator[tuple[int, ...]]:
    yield from itertools.islice(honest_bindings(params), 1)


honest_bindings = obligations.bindings


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (induct._Question, "step", step_is_left_out),  # pyright: ignore[reportPrivateUsage]
        (obligations, "bindings", no_bindings),
        (Obligations, "_of_clause", first_indices_only),
    ],
)
def test_what_is_not_looked_at_would_be_missed(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, bug: Any
) -> None:
    """Another step, another binding, other indices: each is looked at by one of the tests above."""
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises((AssertionError, InternalError)):  # noqa: PT012
        test_dropping_any_clause_makes_it_fail()
        test_a_property_that_is_false_is_not_proved()
        test_a_step_breaks_what_enumeration_says([])
        test_what_is_learnt_is_inductive_at_larger_sizes_and_true_of_all_reachable_states()
        first_binding_is_not_all()
        first_indices_are_not_all()


def first_binding_is_not_all() -> None:
    """Seat 0 never wears; seat 1 does."""
    assert what_breaks([later_seats_wear_nothing], [], Sizes()) == ["later_seats_wear_nothing"]


@always()
def later_seats_wear_nothing(s: Cloakroom, seat: Seat) -> bool:
    return seat == 0 or s.place[seat].worn is None


class LateSpoiler(Design):
    scope: Sizes  # pyright: ignore[reportIncompatibleVariableOverride]
    place: Table[Seat, Place]
    spoiled: Coat

    @step(by="guest")
    def spoil(self) -> None:
        for seat, place in self.place.items():
            if seat != 0:
                place.worn = self.spoiled
            elif not place.hung:
                place.worn = None


def first_indices_are_not_all() -> None:
    """Only the second seat is spoiled."""
    program = lower(LateSpoiler, Sizes(), [])
    vocabulary = Vocabulary(program)
    clause = vocabulary.parsed("place[seat].worn is None")
    (of,) = program.steps
    said = Obligations(StateBefore(program, Sizes(), vocabulary), of).ask(clause, [clause])
    assert isinstance(said, StepBreaks)


def test_each_binding_of_a_property_and_all_indices_of_a_clause_are_asked() -> None:
    first_binding_is_not_all()
    first_indices_are_not_all()


def nothing_changes(self: Any, state: Any) -> frozenset[int]:
    return frozenset()


def all_but_the_last(self: Any, state: Any) -> frozenset[int]:
    """`worn` of the last seat is taken for what it was."""
    changed: frozenset[int] = honest_changed(self, state)
    return changed - {max(changed)}


honest_changed = StateBefore.changed_in


def nothing_is_read(*words: Any) -> Any:
    return dataclasses.replace(honest_formula(*words), reads=frozenset())


honest_formula = StateBefore.formula_in


@pytest.mark.parametrize(
    ("name", "bug"),
    [("changed_in", nothing_changes), ("changed_in", all_but_the_last), ("formula_in", nothing_is_read)],
)
def test_what_a_step_changes_is_asked_about(monkeypatch: pytest.MonkeyPatch, name: str, bug: Any) -> None:
    """A property of which only what was read before counts would be kept by everything."""
    monkeypatch.setattr(StateBefore, name, bug)
    with pytest.raises(AssertionError):  # noqa: PT012
        assert what_breaks([nothing_is_worn], [], Sizes()) == ["nothing_is_worn"]
        assert what_breaks([the_last_seat_is_free], [], Sizes()) == ["the_last_seat_is_free"]


@always()
def the_last_seat_is_free(s: Cloakroom) -> bool:
    return s.place[1].worn is None


def test_what_the_last_seat_wears_is_asked_about() -> None:
    assert what_breaks([the_last_seat_is_free], [], Sizes()) == ["the_last_seat_is_free"]
