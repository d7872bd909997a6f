"""Two engines that share no evaluator (generated C and CPython) say the same of every cell of the matrix."""

from __future__ import annotations

import pytest

from checker.matrix.cells import Cell
from tests.rigs.model_cells import (
    SMALL,
    Explored,
    cells,
    graph_of,
    matrix_size,
    pair_id,
    title,
)
from tests.rigs.sampling import NOT_SMALL, agrees_by_day, agrees_on_a_sample
from tests.rigs.volume import NIGHTLY, volume

everything = pytest.mark.everything
ALL_SMALL = cells(SMALL)
# The guests that follow a protocol are explored with more vCPUs and pins too; AnyGuest has 10^5 states there.
SIZES = ("cpus=2,pins=1,vectors=2", "cpus=1,pins=2,vectors=2")
PROTOCOL = [pair for sizes in SIZES for pair in cells(sizes) if pair[1].names["guest"] != "any"]
# Userspace's other choices, which the default matrix does not make.
CHOICES = [
    pair for choice in ("throttle=on", "x2apic=off") for pair in cells(f"{SMALL},{choice}", vmm="qemu", device="level")
]
DEFAULTS = cells()
# AnyGuest, up to 10^5 states: CPython is sent through them for one of them, and meets a sample of the others. By day it
# meets a sample of every graph that is not small.
LARGE = [pair for pair in DEFAULTS if pair[1].names["guest"] == "any"]
ONE_LARGE = "base base openvmm 0x11 any level 1/1/2"


def test_no_cell_is_missing() -> None:
    assert len({title(*pair) for pair in ALL_SMALL}) == len(ALL_SMALL) == matrix_size() > 0
    of_any = sum(cell.names["guest"] == "any" for _, cell in ALL_SMALL)
    assert of_any > 0
    assert len({title(*pair) for pair in PROTOCOL}) == len(PROTOCOL) == len(SIZES) * (matrix_size() - of_any)
    assert len({title(*pair) for pair in DEFAULTS}) == len(DEFAULTS) == matrix_size()
    assert len(CHOICES) >= 16
    assert ONE_LARGE in {title(*pair) for pair in LARGE} and len(LARGE) == of_any


@pytest.mark.everything
@pytest.mark.parametrize(
    "pair", CHOICES, ids=lambda p: f"{pair_id(p)}{'-throttle' if p[1].scope.throttle else '-no-x2apic'}"
)
def test_engines_agree_on_other_choices(pair: tuple[str, Cell]) -> None:
    test_engines_agree(pair)


def _in_turn(pairs: list[tuple[str, Cell]]) -> list[tuple[str, Cell]]:
    """By day base has every second cell, and v1 the others."""
    of_base, of_v1 = ([pair for pair in pairs if pair[0] == name] for name in ("base", "v1"))
    assert len(of_base) + len(of_v1) == len(pairs)
    return pairs if NIGHTLY else [*of_base[::2], *of_v1[1::2]]


def _quick(pair: tuple[str, Cell]) -> bool:
    return title(*pair).endswith("1/1/1") and pair[1].names["device"] == "level"


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(p, marks=[] if _quick(p) else [everything], id=pair_id(p))
        for p in [*ALL_SMALL, *_in_turn(PROTOCOL)]
    ],
)
def test_engines_agree(pair: tuple[str, Cell]) -> None:
    agrees_by_day(pair[1])


ALL_OF = [p for p in LARGE if title(*p) == ONE_LARGE]


@everything
@pytest.mark.parametrize("pair", _in_turn([p for p in DEFAULTS if p not in LARGE]) + ALL_OF, ids=pair_id)
def test_the_graphs_of_the_default_matrix_are_the_same(pair: tuple[str, Cell]) -> None:
    native = Explored(pair[1], "native")
    if native.search.stats().states > NOT_SMALL and title(*pair) != ONE_LARGE:
        return agrees_on_a_sample(native, volume(100, 200))
    reference = Explored(pair[1], "reference")
    ours, theirs = graph_of(native), graph_of(reference)
    assert len(ours.states) == ours.state_count > 1
    assert (ours.states, ours.edges) == (theirs.states, theirs.edges)
    assert native.search.stats().depth == reference.search.stats().depth
    return None


@everything
@pytest.mark.parametrize("pair", _in_turn(LARGE), ids=pair_id)
def test_cpython_meets_a_sample_of_the_large_graphs(pair: tuple[str, Cell]) -> None:
    agrees_on_a_sample(Explored(pair[1], "native"), volume(250, 5_000))
