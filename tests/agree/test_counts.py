"""Exact sizes of reachable graphs. counts.txt has a row for every cell of the default matrix (see pin_counts.py)."""

from __future__ import annotations

import itertools
import random

import pytest

from checker.engine.native import Exploration
from checker.engine.reference import Reference
from checker.engine.search import NativeSearch
from checker.language.layout import Layout
from checker.matrix.cells import Cell
from tests.rigs.model_cells import Explored, cells, explore, graph_of, matrix_size, one_cell, pair_id, title
from tests.rigs.pin_counts import counted, pinned

DEFAULTS = cells()
AFFORDABLE = 3000  # states; CPython needs some milliseconds for each


def _again_by_reference() -> list[object]:
    """Every cell; those that take CPython long, and those that add little, only among the slow tests."""
    rows = pinned()
    quick = {
        title(*p) for p in DEFAULTS if p[1].names["device"] == "level" and rows.get(title(*p), (10**9,))[0] < AFFORDABLE
    }
    return [pytest.param(p, marks=[] if title(*p) in quick else [pytest.mark.slow]) for p in DEFAULTS]


def test_the_table_is_the_matrix() -> None:
    assert sorted(pinned()) == sorted(title(*pair) for pair in DEFAULTS), "run python -m tests.rigs.pin_counts"
    assert len(pinned()) == matrix_size() > 0
    assert all(states > 1 and transitions > 0 and levels > 1 for states, transitions, levels in pinned().values())


@pytest.mark.parametrize("pair", DEFAULTS, ids=pair_id)
def test_native_engine_counts_the_same(pair: tuple[str, Cell]) -> None:
    assert counted(explore(pair[1])) == pinned()[title(*pair)]


@pytest.mark.parametrize("pair", _again_by_reference(), ids=pair_id)
def test_cpython_reaches_the_same_set(pair: tuple[str, Cell]) -> None:
    native, reference = explore(pair[1]), explore(pair[1], "reference")
    assert counted(reference) == pinned()[title(*pair)]
    ours, theirs = graph_of(native), graph_of(reference)
    assert (ours.states, ours.edges) == (theirs.states, theirs.edges)


# More than 10^6 states. The argument for each number: the start is stored; for a seeded sample of the states, CPython
# finds the same successors, all of them stored (nothing is missing), and CPython confirms the step from the parent
# (nothing is there that is not reachable). No state is stored twice.
MILLIONS = [
    ("any", "cpus=1,pins=1,vectors=3", (1_100_672, 9_685_952, 42)),
    ("any", "cpus=2,pins=1,vectors=1", (2_680_832, 22_728_544, 41)),
]


@pytest.mark.parametrize(("guest", "scope", "expected"), MILLIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_more_than_a_million_states(guest: str, scope: str, expected: tuple[int, int, int]) -> None:
    cell = one_cell("base", "qemu", "0x20", guest, "level", scope)
    explored = Explored(cell, "native", keep_edges=False)
    assert counted(explored) == expected
    stats = explored.search.stats()
    assert stats.states > 10**6 == 1_000_000
    assert stats.table_bytes / stats.states < 32
    _sample(explored)


def _sample(explored: Explored) -> None:
    search = explored.search
    assert isinstance(search, NativeSearch)
    reference = Reference(explored.cell.system, explored.cell.scope)
    exploration, layout = search.exploration, search.layout
    count = search.stats().states
    assert search.codes(0) == reference.start
    sample = random.Random(20250918).sample(range(1, count), 2000)
    ends = exploration.level_ends()
    assert int(ends[-1]) == count
    for number in sample:
        ours = sorted(
            (label, layout.from_bytes(raw)) for label, raw in exploration.successors(exploration.state(number))
        )
        theirs = sorted(reference.successors(search.codes(number)))
        assert ours == theirs
        assert all(_number(exploration, layout, explored.cell, codes) is not None for _, codes in theirs)
        assert _number(exploration, layout, explored.cell, search.codes(number)) == number
    for number in sample[:200]:
        path = search.path_to(number)
        for before, after in itertools.pairwise(path):
            assert search.codes(after) in [codes for _, codes in reference.successors(search.codes(before))]
    keys = exploration.packed()
    assert len({row.tobytes() for row in keys}) == count


def _number(exploration: Exploration, layout: Layout, cell: Cell, codes: tuple[int, ...]) -> int | None:
    """The id under which the engine stored a state, if it did."""
    words = int.from_bytes(layout.to_bytes(codes), "little")
    for k, word in enumerate(layout.frozen(cell.scope)):
        words |= word << (64 * k)
    return exploration.find(words.to_bytes(8 * layout.words8, "little"))
