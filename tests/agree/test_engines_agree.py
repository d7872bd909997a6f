"""Two engines that share no evaluator (generated C and CPython) say the same of every cell of the matrix."""

from __future__ import annotations

import pytest

from checker.matrix.cells import Cell
from tests.rigs.model_cells import SMALL, assert_engines_agree, cells, matrix_size, pair_id, title

ALL_SMALL = cells(SMALL)
# The guests that follow a protocol are explored with more vCPUs and pins too; AnyGuest has 10^5 states there.
SIZES = ("cpus=2,pins=1,vectors=2", "cpus=1,pins=2,vectors=2")
PROTOCOL = [pair for sizes in SIZES for pair in cells(sizes) if pair[1].names["guest"] != "any"]
# Userspace's other choices, which the default matrix does not make.
CHOICES = [
    pair for choice in ("throttle=on", "x2apic=off") for pair in cells(f"{SMALL},{choice}", vmm="qemu", device="level")
]


def _marked() -> list[object]:
    """The larger scopes of edge and mixed devices add time and little else: they are among the slow tests."""
    quick = [pair for pair in PROTOCOL if pair[1].names["device"] == "level"]
    slow = [pytest.param(pair, marks=pytest.mark.slow) for pair in PROTOCOL if pair not in quick]
    return [*ALL_SMALL, *quick, *slow]


def test_no_cell_is_missing() -> None:
    assert len({title(*pair) for pair in ALL_SMALL}) == len(ALL_SMALL) == matrix_size() > 0
    of_any = sum(cell.names["guest"] == "any" for _, cell in ALL_SMALL)
    assert of_any > 0
    assert len({title(*pair) for pair in PROTOCOL}) == len(PROTOCOL) == len(SIZES) * (matrix_size() - of_any)
    assert len(_marked()) == len(ALL_SMALL) + len(PROTOCOL)
    assert len(CHOICES) >= 16


@pytest.mark.parametrize(
    "pair", CHOICES, ids=lambda p: f"{pair_id(p)}{'-throttle' if p[1].scope.throttle else '-no-x2apic'}"
)
def test_engines_agree_on_other_choices(pair: tuple[str, Cell]) -> None:
    test_engines_agree(pair)


@pytest.mark.parametrize("pair", _marked(), ids=pair_id)
def test_engines_agree(pair: tuple[str, Cell]) -> None:
    assert_engines_agree(pair[1])
