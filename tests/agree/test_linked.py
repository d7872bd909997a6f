"""A program that is linked from its parts answers what it answers as a whole: number by number, and story by story.

A cell for each VMM and guest, the kernels in turn; `make test` has every kernel under a VMM, and every third design that has a
system of its own; `make nightly` has every kernel under every VMM, all of these designs, and every cell of the gate.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from unittest import mock

import pytest

from checker.engine import native
from checker.engine import prepare as preparing
from checker.engine.build import load_c
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.layout import Layout
from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties, default_guests, default_vmms
from checker.questions.gate import Part, full_matrix, gated
from checker.questions.verdict import Account, Judge
from checker.stories.write import to_text
from tests.rigs.compare import assert_same_search
from tests.rigs.registered import DESIGNS, KERNELS, OWN_SYSTEMS, cells, own_cells
from tests.rigs.volume import NIGHTLY, at_once, volume

PROPERTIES = all_properties()
LARGE = frozenset({"any", "any_vmm"})


def prepared_of(cell: Cell) -> Prepared:
    return prepare(cell.system, cell.scope, [p for p in PROPERTIES.values() if p.why_not(cell.system) is None])


def without_optimising(source: str, _flags: tuple[str, ...]) -> ctypes.CDLL:
    """What a whole program answers does not depend on it, and compiling takes a third."""
    return load_c(source, ("-O0", "-w"))


def both_searches(cell: Cell) -> tuple[NativeSearch, NativeSearch]:
    """The cell explored as linked and as whole."""
    prepared, reference = prepared_of(cell), Reference(cell.system, cell.scope)
    with mock.patch.object(preparing, "load_c", without_optimising):
        linked, whole = (
            NativeSearch(prepared.lowered(), reference, keep_edges=True, prepared=of) for of in (prepared, None)
        )
    assert linked.run(Limits(), None) is whole.run(Limits(), None)
    return linked, whole


def diagonal() -> list[Cell]:
    """One cell of each guest that is quickly explored, with the kernels and VMMs one after the other."""
    found, guests = [], [guest for guest in default_guests(["qemu"]) if guest not in LARGE]
    for n, guest in enumerate(guests):
        kernel, vmm = KERNELS[(3 * n) % len(KERNELS)], default_vmms()[n % len(default_vmms())]
        found += cells(kernel, DESIGNS[kernel], [kernel], [vmm], [guest], ["level"], "")[-1:]
    return found


def turns() -> list[tuple[str, str, str]]:
    """Each kernel with a VMM, or at night with each; VMMs and guests in turn."""
    guests, vmms = list(default_guests(["qemu"])), list(default_vmms())
    pairs = [(k, v) for n, k in enumerate(KERNELS) for m, v in enumerate(vmms) if NIGHTLY or n % len(vmms) == m]
    return [(kernel, vmm, guests[turn % len(guests)]) for turn, (kernel, vmm) in enumerate(pairs)]


def medium() -> Cell:
    """Some thousand states."""
    return cells("base", DESIGNS["base"], ["base"], ["qemu"], ["xen"], ["level"], "")[-1]


def title(cell: Cell) -> str:
    return f"{cell.names['kernel']}: {cell}"


def test_everybody_has_a_turn() -> None:
    kernels, vmms, guests = map(set, zip(*turns(), strict=True))
    assert (kernels, vmms, guests) == (set(KERNELS), set(default_vmms()), set(default_guests(["qemu"])))


def test_the_diagonal_meets_every_vmm_and_guest() -> None:
    names = [cell.names for cell in diagonal()]
    assert {n["vmm"] for n in names} == set(default_vmms())
    assert {n["guest"] for n in names} == set(default_guests(["qemu"])) - LARGE
    assert len({n["kernel"] for n in names}) >= 8


# every second one: the others have their turn below
@pytest.mark.parametrize("cell", at_once(diagonal()[:: volume(2, 1)], 12), ids=title)
def test_linked_and_whole_are_one_search(cell: Cell) -> None:
    linked, whole = both_searches(cell)
    assert linked.stats().states > 1
    assert_same_search(linked, whole)


@pytest.mark.everything
def test_cells_of_two_bytes_and_a_search_that_is_cut_short() -> None:
    (cell, *_) = cells("v6", DESIGNS["v6"], ["v6"], ["qemu"], ["linux"], ["level"])
    cell = replace(cell, scope=replace(cell.scope, vectors=9))
    prepared = prepared_of(cell)
    assert Layout(prepared.program).cell_bytes == 2
    searches = [
        NativeSearch(prepared.lowered(), Reference(cell.system, cell.scope), keep_edges=True, prepared=of)
        for of in (prepared, None)
    ]
    for one in searches:
        one.run(Limits(max_states=3000), None)
    assert_same_search(*searches)


@pytest.mark.everything
@pytest.mark.parametrize("edges", [True, False])
def test_going_on_whole_is_not_seen(edges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search that goes on with the whole program ends as those that began and ended with one."""
    cell = medium()
    prepared = prepared_of(cell)
    monkeypatch.setattr(native, "BORDER", 100)
    monkeypatch.setattr(native, "CHUNK_SECONDS", 0.0)  # after each call the engine is asked
    searches = [
        NativeSearch(prepared.lowered(), Reference(cell.system, cell.scope), keep_edges=edges, prepared=of)
        for of in (prepared, None)
    ]
    for one in searches:
        one.run(Limits(), None)
    assert searches[0].exploration._large, "it went on"
    assert searches[0].stats().states > 1000
    assert_same_search(*searches)


@pytest.mark.parametrize("cell", at_once([medium(), *diagonal()[:2]], 3), ids=title)
def test_the_stories_are_the_same(cell: Cell) -> None:
    prepared, reference = prepared_of(cell), Reference(cell.system, cell.scope)
    asked = [p for p in PROPERTIES.values() if p.why_not(cell.system) is None]
    told = []
    for one in both_searches(cell):
        judge = Judge(cell, prepared, one, reference)
        verdicts = [judge.verdict(p) for p in asked]
        stories = [Account(cell, v.property, v.property.name, v.run).trace(v.binding, "eoi") for v in verdicts if v.run]
        told.append([*((v.property.name, v.status, v.note) for v in verdicts), *map(to_text, stories)])
    assert told[0] == told[1]
    assert len(told[0]) > len(asked)


@pytest.mark.everything
@pytest.mark.parametrize(("kernel", "vmm", "guest"), turns())
def test_every_kernel_under_every_vmm(kernel: str, vmm: str, guest: str) -> None:
    for cell in cells(kernel, DESIGNS[kernel], [kernel], [vmm], [guest], ["level"], ""):
        assert_same_search(*both_searches(cell))


@pytest.mark.everything
@pytest.mark.parametrize("name", list(OWN_SYSTEMS)[:: volume(3, 1)])
def test_designs_with_systems_of_their_own(name: str) -> None:
    """The first or the last of its cells, in turn; at night both."""
    found = own_cells(name)
    ends = {title(cell): cell for cell in (found[0], found[-1])}
    for cell in ends.values() if NIGHTLY else [found[-(list(OWN_SYSTEMS).index(name) // 3 % 2)]]:
        assert_same_search(*both_searches(cell))


@pytest.mark.everything
@pytest.mark.parametrize("part", full_matrix() if NIGHTLY else full_matrix()[:1], ids=str)
def test_every_cell_of_the_gate(part: Part) -> None:
    """At night; by day the first."""
    for cell in part.cells(gated()[part.design]):
        assert_same_search(*both_searches(cell))
