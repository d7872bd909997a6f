"""The C of what is asked of the same systems is one file, which these systems share."""

from __future__ import annotations

import itertools

import pytest

from checker.engine.cgen_part import Contents, contents_of
from checker.engine.parts import Parts
from checker.language.lower import lower
from checker.matrix.alike import asked_alike
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.select import select, selection
from checker.questions.verdict import asked_of
from model.lang import Property, always
from model.machine import Machine

VMMS = ("qemu", "openvmm", "firecracker")  # of one size by default, and none is asked what another one is
KNOWN = list(all_properties().values())


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    kernel = "base", designs()["base"]
    found = matrix(kernel, kernels=(), vmms=VMMS, guests=["linux"], devices=["level"], scope={"throttle": False})
    first = {cell.system: cell for cell in found if isinstance(cell, Cell)}
    return [cell for cell in first.values() if cell.scope.sizes() == {"cpus": 2, "pins": 2, "vectors": 2}]


def files_of(cell: Cell, *, together: bool) -> list[Contents]:
    asked = asked_of(cell, KNOWN)
    program = lower(cell.system, cell.scope, asked)
    keys = [asked_alike(p) for p in asked] if together else []
    return [c for c in contents_of(program, Parts(program, cell.system), [], keys) if c.formulas]


def written(files: list[Contents]) -> list[tuple[str, int]]:
    """Each formula in each of these files, by its function: where that is the same one it is for the same sizes."""
    once = {contents.key(): contents for contents in files}
    functions = {c.key(): {f.name: f for f in c.own} for c in once.values()}
    return [(f[0], id(functions[key][f[0]])) for key, c in once.items() for f in c.formulas]


def test_no_formula_is_written_twice_for_one_size(cells: list[Cell]) -> None:
    """By the files of the model it would be."""
    assert len(cells) == len(VMMS)
    by_system = [files_of(cell, together=True) for cell in cells]
    every = written([file for files in by_system for file in files])
    assert len(every) == len(set(every)) > 40
    by_file = written([file for cell in cells for file in files_of(cell, together=False)])
    assert set(by_file) == set(every) and len(by_file) > len(every)


def test_a_system_has_each_formula_once(cells: list[Cell]) -> None:
    for cell in cells:
        names = sorted(f[0].partition(".")[0] for file in files_of(cell, together=True) for f in file.formulas)
        assert names == sorted(p.function.__name__ for p in asked_of(cell, KNOWN))


def test_what_is_in_one_file_is_asked_both_or_neither(cells: list[Cell]) -> None:
    pairs = [(p, q) for p, q in itertools.combinations(KNOWN, 2) if asked_alike(p) == asked_alike(q)]
    assert len(pairs) > 40
    for p, q in pairs:
        assert all((p.why_not(cell.system) is None) == (q.why_not(cell.system) is None) for cell in cells)
    told_apart = {asked_alike(p) for p in KNOWN if any(p.why_not(c.system) is None for c in cells)}
    assert len(told_apart) > 2


def test_the_systems_are_those_of_the_default_matrix_of_a_kernel() -> None:
    """With the VMMs that a kernel alone is asked with: what they are asked beside others would be files of its own."""
    _, found, _, _ = select(selection("base"))
    systems = list(dict.fromkeys(cell.system for cell in found))
    for p in KNOWN:
        asked = tuple(number for number, system in enumerate(systems) if p.why_not(system) is None)
        assert asked_alike(p) == (asked or p.function.__code__.co_filename)
    assert isinstance(asked_alike(all_properties()["create_irqchip_errno"]), tuple), (
        "of a VMM that a kernel alone is asked with"
    )


def test_a_users_property_and_one_of_another_family_go_by_their_file() -> None:
    @always()
    def mine(s: Machine) -> bool:
        return True

    assert isinstance(mine, Property) and asked_alike(mine) == __file__
    cpuid = all_properties()["deadline_needs_an_apic"]
    assert asked_alike(cpuid) == cpuid.function.__code__.co_filename
