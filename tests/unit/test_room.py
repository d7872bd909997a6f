"""A table of one row has room for two in C: cells of the row that does not exist are nobody's."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from checker.language.layout import Layout, cells, room
from checker.symbolic.views import codes_of
from model.finite import IntType, StructType, TableType, Type
from tests.rigs.cgen_harness import BYTE, GRID, SMALL, program, state_of
from tests.rigs.compare import compare_everywhere, compare_reachable
from tests.rigs.header import Sizes
from tests.rigs.linked_toys import Files

ONE = IntType(0, 0, "rows")
ROW = StructType(type("Pair", (), {}), (("a", BYTE), ("b", SMALL)))
STATE = state_of(first=BYTE, rows=TableType(ONE, ROW), last=BYTE)


def test_which_cells_there_are() -> None:
    def named(of: Type) -> list[str]:
        return [str(cell or "") for cell in cells(of)]

    assert named(STATE) == ["first", "rows[0].a", "rows[0].b", "", "", "last"]
    assert all(cells(GRID)) and len(named(GRID)) == 6 and room(GRID) == 2
    nested = TableType(ONE, TableType(ONE, BYTE))
    assert named(nested) == ["[0][0]", "", "", ""]
    assert room(TableType(IntType(0, 4), BYTE)) == 5


def test_a_state_is_what_it_was_after_it_was_stored() -> None:
    layout = Layout(program(STATE, {}, choices={"lazy": BYTE}))
    assert layout.cell == [1, 2, 3, 6]
    stored = 0
    for word in layout.masks():
        stored += bin(word).count("1")
    assert stored == layout.bits == 3 + 3 + 8 + 3
    for codes in itertools.product((0, 1, 7), (0, 5), (0, 255, 37), (0, 3, 7)):
        raw = layout.to_bytes(codes)
        assert len(raw) == 8 * layout.words8 and layout.from_bytes(raw) == codes
        assert raw[0] == raw[4] == raw[5] == 0, "the choice, and the row that is not there"
        assert codes_of(layout, raw, 1).tolist() == [list(codes)]
        words, masks = np.frombuffer(raw, np.uint64), np.array(layout.masks(), np.uint64)
        assert (words & ~masks == 0).all()


def test_a_state_of_one_leaf() -> None:
    layout = Layout(program(state_of(only=TableType(ONE, BYTE)), {}))
    assert layout.from_bytes(layout.to_bytes((5,))) == (5,)


@pytest.mark.parametrize("roles", ["one patched", "one two"])
def test_a_system_of_one_row_does_what_cpython_does(tmp_path: Path, roles: str) -> None:
    toy = Files(tmp_path).toy(roles, scope=Sizes(cpus=1))
    layout = Layout(toy.program)
    assert len(layout.cell) < sum(1 for _ in cells(toy.program.state)), "some row is not there"
    compare_everywhere(toy.program, toy.design, toy.scope, 30)
    compare_reachable(toy.program, toy.design, toy.scope, toy.properties)
