"""A cell searched by several threads is the cell searched by one: numbers, verdicts, stories, and the lines that were run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from checker.engine import engine_abi, native
from checker.engine.native import Exploration, Outcome
from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.matrix.cells import Cell
from checker.questions.verdict import Account, Judge
from checker.stories.write import to_text
from tests.agree.test_linked import PROPERTIES, diagonal, medium, prepared_of, title
from tests.rigs.compare import assert_same_search, designs_in, load_module
from tests.rigs.header import Sizes
from tests.rigs.volume import at_once

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

WIDE = Sizes(cpus=3, pins=4)
WAYS = """\
from tests.rigs.header import *


class Way(Struct):
    pins: Mask[Pin]


class Ways(Design):
    scope: Sizes
    on: Table[Cpu, Way]

    @step(by="guest")
    def turn(self, cpu: Cpu, pin: Pin) -> None:
        way = self.on[cpu]
        if pin in way.pins:
            way.pins.discard(pin)
        else:
            way.pins.add(pin)
"""


@pytest.fixture
def at_once_and_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small cells are large ones here, and have many spans."""
    monkeypatch.setattr(native, "BORDER", 0)
    monkeypatch.setattr(engine_abi, "ENGINE_FLAGS", (*engine_abi.ENGINE_FLAGS, "-DEOI_SPAN=64", "-DEOI_SHUFFLE"))


def searched(cell: Cell, threads: int) -> NativeSearch:
    search = NativeSearch(
        prepared_of(cell).program, Reference(cell.system, cell.scope), keep_edges=True, prepared=prepared_of(cell)
    )
    search.run(Limits(threads=threads), None)
    return search


def told(cell: Cell, search: NativeSearch) -> list[object]:
    judge = Judge(cell, prepared_of(cell), search, Reference(cell.system, cell.scope))
    verdicts = [judge.verdict(p) for p in PROPERTIES.values() if p.why_not(cell.system) is None]
    stories = [Account(cell, v.property, v.property.name, v.run).trace(v.binding, "eoi") for v in verdicts if v.run]
    return [*((v.property.name, v.status, v.note) for v in verdicts), *map(to_text, stories)]


@pytest.mark.usefixtures("at_once_and_often")
@pytest.mark.parametrize("cell", at_once([*diagonal()[:2], medium()], 3), ids=title)
def test_numbers_verdicts_and_stories(cell: Cell) -> None:
    one, two = searched(cell, 1), searched(cell, 2)
    assert one.exploration._threads == 1 and two.exploration._threads == 2 and one.stats().states > 300
    assert_same_search(one, two)
    assert told(cell, one) == told(cell, two)
    assert one._ahead is None and two._ahead is not None  # its loops were looked for together


@pytest.mark.usefixtures("at_once_and_often")
def test_lines_that_another_thread_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ways.py"
    path.write_text(WAYS)
    design = designs_in(load_module(path, "ways"))
    prepared, reference = prepare(design, WIDE, []), Reference(design, WIDE)
    honest, by_others = Exploration.marks_of_others, list[int]()

    def noticed(search: Exploration) -> native.U8:
        marks = honest(search)
        by_others.append(int(marks.sum()))
        return marks

    monkeypatch.setattr(Exploration, "marks_of_others", noticed)
    for _ in range(5):
        search = NativeSearch(prepared.program, reference, keep_edges=False, prepared=prepared, noted=prepared.noted)
        search.run(Limits(threads=2), None)
        assert all(search.lines_run().values())
    assert any(by_others)
    unasked = NativeSearch(prepared.program, reference, keep_edges=False, prepared=prepared)  # of the same program
    assert unasked.run(Limits(threads=2), None) is Outcome.COMPLETE and not unasked.lines_run()
    del sys.modules["ways"]
