"""Graphs of more than a million states: exact sizes, memory, and a sample of the states compared with CPython.

The sizes of all other cells are in reports/expected.toml, which the gate compares; that the engines find the same
graphs is test_engines_agree.py.
"""

from __future__ import annotations

import pytest

from tests.rigs.model_cells import Explored, one_cell
from tests.rigs.sampling import agrees_on_a_sample
from tests.rigs.volume import volume

MILLIONS = [
    ("cpus=1,pins=1,vectors=3", (1_100_672, 9_685_952, 42)),
    ("cpus=2,pins=1,vectors=1", (2_680_832, 22_728_544, 41)),
]


@pytest.mark.everything
@pytest.mark.parametrize(("scope", "expected"), MILLIONS[: volume(1, 2)], ids=lambda v: v if isinstance(v, str) else "")
def test_more_than_a_million_states(scope: str, expected: tuple[int, int, int]) -> None:
    explored = Explored(one_cell("base", "qemu", "0x20", "any", "level", scope), "native", keep_edges=False)
    stats = explored.search.stats()
    assert (stats.states, stats.transitions, stats.depth) == expected
    assert stats.states > 10**6
    assert stats.table_bytes / stats.states < 32
    agrees_on_a_sample(explored, 2000)
