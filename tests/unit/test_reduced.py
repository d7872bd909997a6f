"""A search that keeps one state for all that differ in how rows are numbered says what a search of all states says; where a
step, a formula or the initial state tells rows apart, it says so and is none."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeAlias

import pytest

from checker.engine import native, orbits
from checker.engine.identity import ByIdentity
from checker.engine.native import Outcome
from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits
from checker.errors import EnginesDisagree, InternalError, UserError
from checker.language.renaming import Renaming, renamings, swaps
from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions import reduction
from checker.questions.expected import verdict_text
from checker.questions.reduced import check_reduced
from checker.questions.reduction import reduction_of
from checker.questions.verdict import CellResult, Status, asked_of, check_cell
from model.finite import ModelError
from model.lang import (
    Design,
    Fair,
    Index,
    Mask,
    Property,
    Scope,
    Struct,
    Table,
    always,
    leads_to,
    reachable,
    require,
    step,
)
from tests.rigs.compare import load_module
from tests.rigs.model_cells import one_cell
from tests.rigs.random_rows import random_rows

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

Row: TypeAlias = Annotated[int, Index("rows")]


class Phase(Enum):
    IDLE = 0
    WAITS = 1
    SERVED = 2


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "_NOTICING", ByIdentity(reduction._Noticing, most=8))


@dataclass(frozen=True)
class Rows(Scope):
    rows: int = 3


class Client(Struct):
    phase: Phase
    after: Row | None  # whom it came after


class Desk(Design):
    """Rows wait for a desk. Which row it is lies in a field, an optional one, a mask, and as the number of a row."""

    scope: Rows
    clients: Table[Row, Client]
    held: bool
    holder: Row | None
    waiting: Mask[Row]
    loud: Table[Row, bool]

    @step(by="client", fair=Fair.FREE)
    def ask(self, row: Row) -> None:
        client = self.clients[row]
        require(client.phase == Phase.IDLE)
        client.phase = Phase.WAITS
        client.after = self.holder
        self.waiting.add(row)

    @step(by="desk", fair=Fair.WEAK)
    def serve(self, row: Row) -> None:
        require(not self.held and row in self.waiting)
        self.held = True
        self.holder = row
        self.waiting.discard(row)
        self.clients[row].phase = Phase.SERVED

    @step(by="client", fair=Fair.WEAK)
    def leave(self, row: Row) -> None:
        require(self.held and self.holder == row)
        self.held = False
        self.leave_desk(row)

    def leave_desk(self, row: Row) -> None:
        self.clients[row].phase = Phase.IDLE
        self.loud[row] = not self.loud[row]


class OneByOne(Desk):
    """A loop that takes the rows in order. Told apart where two of them are served, which none ever is."""

    @step(by="client", fair=Fair.WEAK)
    def leave_all(self) -> None:
        require(self.held)
        for row in self.clients:
            if self.clients[row].phase == Phase.SERVED:
                self.held = False
                self.holder = row
                self.leave_desk(row)


class FirstFirst(Desk):
    """The desk calls the first of those who wait."""

    @step(by="desk", fair=Fair.WEAK)
    def call(self) -> None:
        require(not self.held)
        row = require(self.waiting.lowest())
        self.held = True
        self.holder = row
        self.waiting.discard(row)
        self.clients[row].phase = Phase.SERVED


class OwnDesk(Desk):
    def initial(self) -> None:
        super().initial()
        self.loud[1] = True


class Counts(OwnDesk):
    """The third visit is one too many."""

    visits: Annotated[int, Index(3)]

    def leave_desk(self, row: Row) -> None:
        super().leave_desk(row)
        self.visits = self.visits + 1


@always()
def one_is_served(s: Desk, row: Row, other: Row) -> bool:
    """No two are served. Violated: both are."""
    both = s.clients[row].phase == Phase.SERVED and s.clients[other].phase == Phase.SERVED
    return row == other or not both


@always()
def none_is_after_a_loud_one(s: Desk, row: Row, other: Row) -> bool:
    """Nobody waits who came after a loud one. Violated: one does."""
    client = s.clients[row]
    return client.phase != Phase.WAITS or client.after != other or not s.loud[other]


@reachable()
def all_are_loud(s: Desk) -> bool:
    """All are."""
    return all(s.loud[row] for row in s.clients)


@reachable()
def loud_and_waiting(s: Desk, row: Row) -> bool:
    """It waits, and all the others do."""
    return s.loud[row] and all(other in s.waiting for other in s.clients)


@always()
def desk_is_passed_on(before: Desk, s: Desk, row: Row) -> bool:
    """It never goes from one to the one after. Violated: it does."""
    return not (not before.held and before.holder == row and s.held and s.holder != row and s.loud[row])


@leads_to()
def is_served(s: Desk, row: Row) -> tuple[bool, bool]:
    """Who waits is served. Violated: it waits for ever."""
    return s.clients[row].phase == Phase.WAITS, s.clients[row].phase == Phase.SERVED


@always()
def first_is_not_alone(s: Desk) -> bool:
    """Row 0 is not the only loud one. Violated: it is."""
    return not s.loud[0] or any(s.loud[row] and row != 0 for row in s.clients)


@reachable()
def last_waits_alone(s: Desk) -> bool:
    """Row 2 waits, and no other does anything."""
    return s.clients[2].phase == Phase.WAITS and s.clients[0].phase == Phase.IDLE and s.clients[1].phase == Phase.IDLE


PROPERTIES = [
    one_is_served, none_is_after_a_loud_one, all_are_loud, loud_and_waiting, desk_is_passed_on, is_served, first_is_not_alone,
]  # fmt: skip


class Toy(Cell):
    def __str__(self) -> str:
        return "toy"


@functools.cache
def both(design: type[Design], rows: int = 3) -> tuple[CellResult, CellResult]:
    """All states, and reduced."""
    cell = Toy({}, design, Rows(rows))
    return check_cell(cell, PROPERTIES), check_reduced(cell, PROPERTIES, again=50)


def said(result: CellResult) -> dict[str, str | None]:
    return {v.property.name: verdict_text(v) for v in result.verdicts}


def assert_same(whole: CellResult, reduced: CellResult) -> None:
    assert said(whole) == said(reduced)
    assert reduced.reduced is not None
    if reduced.reduced.exact:
        assert (whole.stats.states, whole.stats.depth) == (reduced.all_states, reduced.stats.depth)
    else:
        assert reduced.stats.states <= whole.stats.states <= reduced.all_states
    assert whole.outcome is reduced.outcome is Outcome.COMPLETE
    assert set(whole.never_fired) == set(reduced.never_fired)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_rows_of_one_kind_are_taken_for_each_other(rows: int) -> None:
    """Verdicts, shortest lengths, and how many states those found stand for."""
    whole, reduced = both(Desk, rows)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and reduced.reduced.by == ("rows",)
    assert reduced.reduced.of_all == ("is_served", "first_is_not_alone") and reduced.reduced.why_not == {}
    assert {v.status for v in reduced.verdicts} == {Status.HOLDS, Status.VIOLATED, Status.REACHED}
    assert whole.stats.states / [0, 0, 2, 6, 24][rows] < reduced.stats.states < whole.stats.states / 1.9


def test_a_loop_that_takes_rows_in_order_is_tried_where_it_is_met() -> None:
    cell = Toy({}, OneByOne, Rows())
    prepared = prepare(cell.system, cell.scope, asked_of(cell, PROPERTIES))
    plan = reduction_of(prepared, cell.scope)
    assert [prepared.program.steps[n].name for n in plan.open_steps] == ["leave_all"]
    whole, reduced = both(OneByOne)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and reduced.reduced.by == ("rows",)


def test_rows_that_a_step_tells_apart_are_not() -> None:
    whole, reduced = both(FirstFirst)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and reduced.reduced.by == ()
    assert reduced.reduced.why_not == {"rows": "call() tells them apart in a state that is met"}
    assert reduced.stats.states == whole.stats.states


def test_rows_that_the_initial_state_alone_tells_apart_are_taken_for_each_other() -> None:
    """Of each orbit that is met some state is reachable, and by as many steps; but not all."""
    whole, reduced = both(OwnDesk)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and reduced.reduced.by == ("rows",) and not reduced.reduced.exact
    assert reduced.stats.states < whole.stats.states < reduced.all_states


def test_large_searches_and_threads_keep_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BORDER", 50)
    cell = Toy({}, OneByOne, Rows())
    two = check_reduced(cell, PROPERTIES, limits=Limits(threads=2), again=50)
    one = both(OneByOne)[1]
    assert said(two) == said(one) and two.reduced == one.reduced
    assert [two.stats.states, two.stats.transitions] == [one.stats.states, one.stats.transitions]


@pytest.mark.parametrize("design", [Desk, OwnDesk])
def test_a_run_is_one_of_the_system(design: type[Design]) -> None:
    """From the initial state, by its moves, to what is shown; also where the last step is what shows it."""
    reduced = both(design)[1]
    system = Reference(design, Rows())
    runs = {v.property.name: v.run for v in reduced.verdicts if v.run is not None}
    assert {"desk_is_passed_on", "none_is_after_a_loud_one", "all_are_loud"} <= set(runs)
    for run in runs.values():
        assert run.codes[0] == system.start
        for before, move, after in zip(run.codes, run.moves, run.codes[1:], strict=False):
            assert system.successor(before, move) == after


def test_a_store_out_of_range_is_told_as_it_came() -> None:
    """Of a run of the system, also where the rows of the search are others."""
    with pytest.raises(ModelError, match=r"visits = 3 is out of range") as told:
        check_reduced(Toy({}, Counts, Rows()), [one_is_served])
    assert "after 9 steps: " in str(told.value)  # ask, serve and leave, three times


def test_too_many_rows() -> None:
    plan = reduction_of(prepare(Desk, Rows(7), [one_is_served]), Rows(7))
    assert plan.sizes == {} and plan.too_many == {"rows": "there would be 5,040 ways to rename rows, more than 720"}


def test_what_a_limit_stops_is_open() -> None:
    cell = Toy({}, Desk, Rows())
    result = check_reduced(cell, [one_is_served], limits=Limits(max_states=20))
    assert [v.status for v in result.verdicts] == [Status.INCONCLUSIVE]
    assert result.stats.states < both(Desk)[1].stats.states


def test_it_is_the_native_engines() -> None:
    with pytest.raises(UserError, match="does not go with --engine reference"):
        check_reduced(Toy({}, Desk, Rows()), [one_is_served], engine="reference")


# --- seeded bugs: none of them gets by ---


def test_a_number_in_a_field_that_stays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wrong canonical form: the numbers of rows that lie in fields are not renamed with them."""
    monkeypatch.setattr(orbits.Orbits, "_map", lambda *_: orbits.NONE)
    with pytest.raises((EnginesDisagree, InternalError), match="stands for"):
        check_reduced(Toy({}, Desk, Rows()), [one_is_served], again=50)


def test_a_renaming_that_forgets_a_table_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everywhere alike, so that no two of its uses differ: the steps notice it."""
    sources = Renaming.sources

    def forgetful(self: Renaming, of: object) -> object:
        found = list(sources(self, of))  # type: ignore[arg-type]
        return [*found[:-3], *range(len(found) - 3, len(found))] if len(found) > 9 else found  # loud comes last

    monkeypatch.setattr(Renaming, "sources", forgetful)
    result = check_reduced(Toy({}, Desk, Rows()), [one_is_served])
    assert (
        result.reduced is not None and result.reduced.by == () and "tells them apart" in result.reduced.why_not["rows"]
    )


def test_a_step_that_is_taken_for_known_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By CPython, in a sample of the states."""
    monkeypatch.setattr("checker.symbolic.symmetric.Renamed.step_notices", lambda *_: False)
    with pytest.raises(EnginesDisagree, match="call"):
        check_reduced(Toy({}, FirstFirst, Rows()), [one_is_served], again=50)


def test_a_formula_that_is_taken_for_known_gives_another_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is why formulas are looked at."""
    monkeypatch.setattr("checker.symbolic.symmetric.Renamed.formula_notices", lambda *_: False)
    cell = Toy({}, Desk, Rows())
    assert said(check_cell(cell, [last_waits_alone])) == {"last_waits_alone": "yes 1"}
    assert said(check_reduced(cell, [last_waits_alone])) != {"last_waits_alone": "yes 1"}


# --- renamings ---


def test_swaps_make_all_renamings() -> None:
    made, known = {tuple(range(4))}, [dict(swap.to)["rows"] for swap in swaps({"rows": 4})]
    while True:
        more = {tuple(swap[i] for i in of) for of in made for swap in known} | made
        if more == made:
            break
        made = more
    assert made == {dict(r.to)["rows"] for r in renamings({"rows": 4})} and len(made) == 24


def test_a_renaming_finds_numbers_by_their_types() -> None:
    """Row 0 becomes row 1, row 1 row 2, row 2 row 0."""
    program = prepare(Desk, Rows(), [one_is_served]).lowered()
    state = (1, 0, 2, 2, 0, 3, 1, 3, 0b011, 1, 0, 0)  # clients (phase, after) of three, held, holder, waiting, loud
    turned = Renaming((("rows", (1, 2, 0)),))
    assert turned.state(program, state) == (0, 1, 1, 0, 2, 3, 1, 1, 0b110, 0, 1, 0)
    assert turned.labels(program)[:3] == [1, 2, 0]


# --- the model ---


@pytest.mark.parametrize(
    ("cell", "by"),
    [
        (("base", "qemu", "0x20", "linux"), ("cpus", "pins")),
        (("v1", "qemu", "0x11", "windows_cg"), ("cpus", "pins")),
        (("base", "qemu", "0x20", "linux", "mixed"), ("cpus",)),
    ],
    ids="-".join,
)
def test_cells_of_the_model(cell: tuple[str, ...], by: tuple[str, ...]) -> None:
    of = one_cell(*cell)
    wanted = list(all_properties().values())
    whole, reduced = check_cell(of, wanted), check_reduced(of, wanted)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and reduced.reduced.by == by
    assert "tells them apart in a state that is met" in reduced.reduced.why_not["vectors"]
    assert not reduced.reduced.exact  # who is not set up has vCPU 0 as its destination


def test_rows_that_are_not_there_are_not_renumbered() -> None:
    """One vCPU has room for two in C, and the pins lie behind it."""
    cell = one_cell("base", "qemu", "0x20", "linux")
    of, wanted = replace(cell, scope=replace(cell.scope, cpus=1, pins=2)), list(all_properties().values())
    whole, reduced = check_cell(of, wanted), check_reduced(of, wanted)
    assert_same(whole, reduced)
    assert reduced.reduced is not None and "pins" in reduced.reduced.by
    assert reduced.stats.states < whole.stats.states / 1.5


@pytest.mark.parametrize(("first", "number"), [(0, 14), (100, 60)])
def test_random_systems_of_rows(first: int, number: int, tmp_path: Path) -> None:
    """With something that tells rows apart, and without."""
    met = Counter[str]()
    for seed in range(first, first + number):
        path = tmp_path / f"rows{seed}.py"
        path.write_text(random_rows(seed))
        module = load_module(path, f"random_rows_{seed}")
        asked = [p for p in vars(module).values() if isinstance(p, Property)]
        cell = Toy({}, module.System, module.Rows())
        whole, reduced = check_cell(cell, asked, again=0), check_reduced(cell, asked, again=20)
        assert_same(whole, reduced)
        assert reduced.reduced is not None
        met["reduced" if reduced.reduced.by else "not"] += 1
        met["to less than a half"] += 2 * reduced.stats.states < whole.stats.states
    assert met["reduced"] > number / 2 and met["not"] > number / 20 and met["to less than a half"], met
