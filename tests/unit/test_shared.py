"""One search serves two systems only if they do the same, and if the formulas say the same, in every state that it found."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import pytest

from checker.engine.passages import passages
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.engine.shared import Shared, _Asked, _asked
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs, mutants
from checker.questions.graph_compare import digest_of
from checker.questions.verdict import asked_of
from model.lang import Design, Fair, Index, Property, Scope, always, require, step


class Where(Enum):
    OUT = "out"
    WAITS = "waits"
    SERVED = "served"
    GONE = "gone"  # nobody gets there


@dataclass(frozen=True)
class Choices(Scope):
    loud: bool = False
    lost: bool = False


class Toy(Design):
    scope: Choices
    where: Where = Where.OUT

    @step(by="guest")
    def ask(self) -> None:
        require(self.where == Where.OUT)
        self.where = Where.WAITS

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        require(self.where == Where.WAITS)
        self.where = self.after()

    def after(self) -> Where:
        return Where.SERVED

    def is_well(self) -> bool:
        return self.where != Where.GONE


class OtherWords(Toy):
    """Where one gets, serve() does the same."""

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        require(self.where != Where.OUT and self.where != Where.SERVED)
        self.where = self.after()


class Loses(Toy):
    def after(self) -> Where:
        return Where.OUT


class Stays(Toy):
    """The same successors, but for one that it does not have."""

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        require(self.where == Where.GONE)
        self.where = Where.SERVED


class More(Toy):
    """One successor more, and the others as they were."""

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        require(self.where != Where.OUT)
        self.where = Where.SERVED


class AskedTwice(Loses):
    """Two steps in other words: the first does the same, the second does not."""

    @step(by="guest")
    def ask(self) -> None:
        require(self.where != Where.WAITS and self.where != Where.SERVED)
        self.where = Where.WAITS


class First(Toy):
    @step(by="guest")
    def take(self, place: Annotated[int, Index(2)]) -> None:
        require(place == 0)


class Second(Toy):
    """The same successors, by another move."""

    @step(by="guest")
    def take(self, place: Annotated[int, Index(2)]) -> None:
        require(place == 1)


class Judged(Toy):
    """The same graph; what a property asks is another thing."""

    def is_well(self) -> bool:
        return self.where != Where.WAITS


class Chooses(Toy):
    """One choice that serve() reads and that matters, another one that matters nowhere."""

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        require(self.where == Where.WAITS or (self.scope.loud and self.where == Where.GONE))
        self.where = Where.OUT if self.scope.lost else Where.SERVED


class ChoiceJudged(Toy):
    def is_well(self) -> bool:
        return self.where != Where.GONE or self.scope.loud


@always()
def all_is_well(s: Toy) -> bool:
    """All is well. Violated: it is not."""
    return s.is_well()


@always()
def nobody_waits(s: Toy) -> bool:
    """Nobody waits. Violated: somebody does."""
    return s.where != Where.WAITS


def searches(*asked: tuple[type[Toy], Choices], of: Property = all_is_well) -> list[object]:
    """The search that each gets of those who share."""
    shared = Shared()
    found = []
    for design, choices in asked:
        found.append(shared.run(Prepared(design, choices, [of]), Reference(design, choices), Limits()))
    return found


def as_numbers(found: list[object]) -> list[int]:
    first = list(dict.fromkeys(map(id, found)))
    return [first.index(id(search)) for search in found]


PLAIN = Choices()
SHARED = [
    ([Toy, OtherWords, Toy], [0, 0, 0]),
    ([OtherWords, Toy], [0, 0]),
    ([Toy, Loses, Loses, Toy], [0, 1, 1, 0]),
    ([Loses, Toy, OtherWords], [0, 1, 1]),
    ([Toy, Stays], [0, 1]),
    ([Stays, Toy], [0, 1]),
    ([Toy, More], [0, 1]),
    ([More, Toy], [0, 1]),
    ([Toy, AskedTwice], [0, 1]),
    ([First, Second], [0, 1]),
    ([Toy, Judged], [0, 1]),
]


@pytest.mark.parametrize(
    ("designs", "expected"), SHARED, ids=lambda v: "-".join(getattr(x, "__name__", str(x)) for x in v)
)
def test_who_does_the_same_shares_a_search(monkeypatch, designs, expected):
    monkeypatch.setattr("checker.engine.prepare.passages", lambda *_: [])  # as of designs of the project's own
    assert as_numbers(searches(*((design, PLAIN) for design in designs))) == expected


def test_where_lines_are_noted_equal_lines_do_not_do(monkeypatch):
    """Who ran them may be told by a step that does the same in other words."""
    of_toy = passages(lower(Toy, PLAIN, [all_is_well]), Toy)
    assert of_toy
    monkeypatch.setattr("checker.engine.prepare.passages", lambda *_: of_toy[:1])
    assert as_numbers(searches((Toy, PLAIN), (OtherWords, PLAIN), (Toy, PLAIN))) == [0, 1, 0]


def test_users_files_of_which_lines_are_noted_share_only_what_is_the_same_throughout():
    assert as_numbers(searches((Toy, PLAIN), (OtherWords, PLAIN), (Toy, PLAIN))) == [0, 1, 0]


@pytest.mark.parametrize(
    ("design", "choices", "same"),
    [
        (Chooses, Choices(loud=True), True),
        (Chooses, Choices(lost=True), False),
        (ChoiceJudged, Choices(lost=True), True),  # read nowhere
        (ChoiceJudged, Choices(loud=True), False),  # a formula reads it, even if it says the same
    ],
)
def test_a_choice_counts_where_it_is_read_and_matters(monkeypatch, design, choices, same):
    monkeypatch.setattr("checker.engine.prepare.passages", lambda *_: [])
    assert as_numbers(searches((design, PLAIN), (design, choices))) == [0, 0 if same else 1]
    assert as_numbers(searches((design, choices), (design, PLAIN))) == [0, 0 if same else 1]


def test_what_only_some_properties_ask_counts_for_these(monkeypatch):
    monkeypatch.setattr("checker.engine.prepare.passages", lambda *_: [])
    assert as_numbers(searches((Toy, PLAIN), (Judged, PLAIN), of=nobody_waits)) == [0, 0]


NAMES = [
    "base",
    "v1",
    "sean_local",
    "mutant_every_eoi",
    "mutant_stale_route",
    "v4",
    "v6",
    "v6_as_documented",
    "mutant_b1",
]
KNOWN = list(all_properties().values())


@pytest.mark.everything
def test_it_is_said_of_real_designs_iff_their_graphs_are_the_same():
    """does_as() against both graphs explored and compared, over all pairs whose states lie the same way."""
    of_key: dict[object, list[tuple[_Asked, NativeSearch, str]]] = {}
    registered = {**designs(), **mutants()}
    for name, guest in itertools.product(NAMES, ("windows_cg", "linux", "any")):
        scope = {"cpus": 1, "pins": 1}
        for cell in matrix(
            (name, registered[name]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"], scope=scope
        ):
            assert isinstance(cell, Cell)
            reference = Reference(cell.system, cell.scope)
            prepared = prepare(cell.system, cell.scope, asked_of(cell, KNOWN))
            asked = _asked(prepared, reference, Limits())
            assert asked is not None
            search = NativeSearch(prepared.program, reference, keep_edges=True, prepared=prepared)
            search.run(Limits(), None)
            of_key.setdefault(asked.key, []).append((asked, search, digest_of(search, reference.moves)))
    answers = {True: 0, False: 0}
    for cells in of_key.values():
        for (one, _, of_one), (other, search, of_other) in itertools.permutations(cells, 2):
            same = one.done_by(search, other.steps)
            assert same == (of_one == of_other)
            answers[same] += one.steps != other.steps
    assert min(answers.values()) > 20
