"""Two engines that share no evaluator (generated C and CPython) say the same of every cell of the matrix."""

from __future__ import annotations

from typing import Any

import pytest
from model_cells import SMALL, Explored, all_properties, cells, explore, graph_of, matrix_size, pair_id, title

from checker.atoms import Atom
from checker.liveness import Lasso
from checker.registry import Cell
from checker.verdict import Verdict

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
    native, reference = explore(pair[1], "native"), explore(pair[1], "reference")
    ours, theirs = graph_of(native), graph_of(reference)
    assert len(ours.states) == ours.state_count > 1, "a state is stored twice, or nothing was explored"
    assert ours.states == theirs.states
    assert ours.edges == theirs.edges
    assert ours.edges.total() == native.search.stats().transitions
    assert native.search.stats().depth == reference.search.stats().depth
    assert {k: _said(v) for k, v in native.verdicts.items()} == {k: _said(v) for k, v in reference.verdicts.items()}
    _compare_atoms(native, reference)


def _said(verdict: Verdict) -> tuple[Any, ...]:
    """What a verdict says, but for the lasso: the reference's is a grand tour, longer than it must be."""
    shortest = verdict.property.kind != "leads_to"
    length = verdict.run.length if verdict.run is not None and shortest else None
    return verdict.status, verdict.note, length, dict(verdict.binding) if shortest else None


def _compare_atoms(native: Explored, reference: Explored) -> None:
    """Every binding of every property, where `verdicts` shows the shortest binding only."""
    atoms = native.judge.atoms
    assert atoms == reference.judge.atoms
    assert len(atoms) > 0
    kinds = {name: p.kind for name, p in all_properties().items()}
    for k, atom in enumerate(atoms):
        if kinds[atom.formula] != "leads_to":
            assert _first(native, atom) == _first(reference, atom), atom
        elif atom.part == 0:
            p, q = atom, atoms[k + 1]
            assert (q.formula, q.args, q.part) == (p.formula, p.args, 1)
            assert _stem(native.search.lasso(p, q)) == _stem(reference.search.lasso(p, q)), atom


def _first(explored: Explored, atom: Atom) -> list[int | None]:
    """How far from the start an atom is first false, and first true."""
    search = explored.search
    found = []
    for value in (False, True):
        if atom.of_edges:
            edge = search.first_edge(atom, value)
            found.append(None if edge is None else len(search.path_to(edge.src)))
        else:
            state = search.first_state(atom, value)
            found.append(None if state is None else len(search.path_to(state)) - 1)
    return found


def _stem(lasso: Lasso | None) -> int | None:
    """The stem is what both engines promise to be shortest."""
    return None if lasso is None else len(lasso.stem)
