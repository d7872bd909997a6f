"""A counterexample is as short as any: CPython's exhaustive breadth-first search finds no nearer violation."""

from __future__ import annotations

import pytest

from checker.engine.reference import Reference, bindings_of, is_of_edges
from checker.matrix.cells import Cell
from checker.questions.verdict import Run, Status
from model.lang import Kind, Property
from tests.rigs.model_cells import SMALL, all_properties, applying, cells, explored, old_scans, one_cell, title

TWO_PINS = "cpus=1,pins=2,vectors=2"
WINDOWS = [pair for pair in cells(TWO_PINS) if pair[1].names["guest"] == "windows_cg"]
# At SMALL, test_engines_agree.py compares the distance of every atom.
CELLS = {title(*pair): pair[1] for pair in [*WINDOWS, *old_scans()]}


def distances(cell: Cell) -> dict[str, int | None]:
    """For each `always`: steps to the nearest state where it is false, by running the model in CPython."""
    reference = Reference(cell.system, cell.scope)
    graph = reference.explore()
    assert graph.depth == sorted(graph.depth)  # breadth-first: the first violation met is a nearest one
    found: dict[str, int | None] = {}
    for p in always(cell):
        bindings = bindings_of(p, cell.scope)
        bad = (
            k
            for k, state in enumerate(graph.states)
            if not all(reference.holds(p.function, a, state) for a in bindings)
        )
        first = next(bad, None)
        found[p.name] = None if first is None else graph.depth[first]
    return found


def always(cell: Cell) -> list[Property]:
    found = [p for p in applying(cell) if p.kind is Kind.ALWAYS]
    assert not any(is_of_edges(p) for p in found)
    return found


def replayed(cell: Cell, run: Run) -> tuple[int, ...]:
    """The state that the run's moves lead to from the start."""
    reference = Reference(cell.system, cell.scope)
    state = reference.start
    for move in run.moves:
        following = reference.successor(state, move)
        assert following is not None, move
        state = following
    return state


@pytest.mark.everything
@pytest.mark.parametrize("name", CELLS)
def test_every_violated_always_is_shortest(name: str) -> None:
    cell = CELLS[name]
    expected = distances(cell)
    assert len(expected) >= 2
    for p in always(cell):
        verdict = explored(CELLS[name]).verdicts[p.name]
        assert (verdict.status is Status.VIOLATED) == (expected[p.name] is not None), p.name
        if verdict.run is not None:
            assert verdict.run.length == expected[p.name], p.name
            end = replayed(cell, verdict.run)
            reference = Reference(cell.system, cell.scope)
            assert not reference.holds(p.function, tuple(verdict.binding.values()), end)


@pytest.mark.everything
def test_some_cell_violates_each_always() -> None:
    """So that a length is compared for each of them, here or at SMALL."""
    names = {p.name for p in all_properties().values() if p.kind is Kind.ALWAYS}
    looked_at = [*CELLS.values(), *(cell for _, cell in cells(SMALL))]
    found = {n for cell in looked_at for n, v in explored(cell).verdicts.items() if v.status is Status.VIOLATED}
    assert names
    assert names <= found


def test_v1_loses_the_eoi_in_ten_steps() -> None:
    """Two entries and two set-up steps with a kick each, the raise, one more entry (the route's scan), the
    injection, and then the three things this guest does: none of the ten can be left out."""
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", scope=SMALL)
    run = explored(cell).verdicts["no_eoi_lost"].run
    assert run is not None
    assert [m.step for m in run.moves] == [
        "vcpu_enter_guest", "l1_apic_enable", "vcpu_enter_guest", "l1_set_entry", "device_raise",
        "vcpu_enter_guest", "kvm_check_and_inject_events", "l1_apic_eoi", "l2_service_device", "l1_ioapic_eoi",
    ]  # fmt: skip
