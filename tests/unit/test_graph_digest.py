"""Two explorations have one digest only if they have one graph: states, transitions, what both are called and what is owed."""

from __future__ import annotations

import functools
from enum import Enum

import pytest

from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.questions import compare
from checker.questions.graph_compare import compare_graphs, digest_of
from checker.questions.verdict import CellResult, check_cell
from model.lang import Design, Fair, Scope, step

ASKED = list(all_properties().values())
PAIRS = [("base", "base"), ("base", "v6"), ("v1", "sean_local"), ("base", "v1"), ("v1", "v2"), ("v5", "v6")]


class Where(Enum):
    OUT = "out"
    WAITS = "waits"
    SERVED = "served"


class Toy(Design):
    scope: Scope
    where: Where = Where.OUT

    @step(by="guest")
    def ask(self) -> None:
        self.where = Where.WAITS

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        if self.where == Where.WAITS:
            self.where = Where.SERVED


class Again(Toy):
    """The same in other words."""

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        if self.where != Where.OUT and self.where != Where.SERVED:
            self.where = Where.SERVED


class Lazy(Toy):
    @step(by="host")
    def serve(self) -> None:
        if self.where == Where.WAITS:
            self.where = Where.SERVED


class Back(Toy):
    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        if self.where == Where.WAITS:
            self.where = Where.OUT


class Begun(Toy):
    def initial(self) -> None:
        self.where = Where.SERVED


class Called(Design):
    scope: Scope
    where: Where = Where.OUT

    @step(by="guest")
    def ask(self) -> None:
        self.where = Where.WAITS

    @step(by="host", fair=Fair.WEAK)
    def served(self) -> None:
        if self.where == Where.WAITS:
            self.where = Where.SERVED


class Place(Enum):
    OUT = "out"
    ASKS = "waits"
    SERVED = "served"


class Renamed(Design):
    scope: Scope
    where: Place = Place.OUT

    @step(by="guest")
    def ask(self) -> None:
        self.where = Place.ASKS

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        if self.where == Place.ASKS:
            self.where = Place.SERVED


def digest(design: type[Design], *, keep_edges: bool = True, limits: Limits | None = None) -> str:
    prepared, reference = prepare(design, Scope(), []), Reference(design, Scope())
    search = NativeSearch(prepared.program, reference, keep_edges=keep_edges, prepared=prepared)
    search.run(limits or Limits(), None)
    return digest_of(search, reference.moves)


def test_of_toys() -> None:
    assert digest(Toy) == digest(Again) != ""
    others = [digest(toy) for toy in (Toy, Lazy, Back, Begun, Called, Renamed)]
    assert len(set(others)) == len(others), "fairness, a transition, the beginning, a step's name, what a value means"


def test_of_what_is_not_whole_there_is_none() -> None:
    assert digest(Toy, keep_edges=False) == digest(Toy, limits=Limits(max_states=1)) == ""


@functools.cache
def cell_of(name: str) -> Cell:
    found = matrix(
        (name, designs()[name]), kernels=["base"], vmms=["qemu"], guests=["windows_cg"], devices=["level"],
        scope={"cpus": 1, "pins": 1},
    )  # fmt: skip
    return next(cell for cell in found if isinstance(cell, Cell))


@functools.cache
def result_of(name: str) -> CellResult:
    return check_cell(cell_of(name), ASKED, engine="native")


def test_it_says_what_the_comparison_of_the_graphs_says() -> None:
    said = []
    for names in PAIRS:
        a, b = map(result_of, names)
        compared = compare_graphs(a.cell, b.cell, ASKED, Limits())
        if not compared.left_out:  # of fields that only one has it says nothing
            said.append(compared.same)
            assert (a.graph == b.graph) == compared.same, names
    assert True in said and False in said


def test_a_pair_of_one_digest_is_not_explored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = result_of("v1"), result_of("sean_local")
    slow = [compare_graphs(a.cell, b.cell, ASKED, Limits())]
    monkeypatch.setattr(compare, "compare_graphs", lambda *_: pytest.fail("explored"))
    assert a.graph == b.graph != ""
    (found,) = compare.compare_all([compare.Pair(a.cell, b.cell)], [a], [b], ASKED, Limits())
    assert [found] == slow and found.same and found.states == a.stats.states > 10
