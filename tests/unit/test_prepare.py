"""What is shared between cells is the program of the cell that asks for it."""

from __future__ import annotations

import pytest

from checker.engine import prepare
from checker.engine.cgen import generate
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from model.machine import Scope


def cells(design, guest="linux", **scope):
    found = matrix(
        (design, designs()[design]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"], scope=scope
    )
    return [c for c in found if isinstance(c, Cell)]


def applying(cell):
    return [p for p in all_properties().values() if p.why_not(cell.system) is None]


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Nothing prepared, an empty cache."""
    monkeypatch.setenv("EOI_CACHE", str(tmp_path))
    monkeypatch.setattr(prepare, "_kept", type(prepare._kept)())
    return tmp_path


def test_cells_that_differ_in_choices_share_a_program_and_would_have_the_same_one(fresh):
    of_v6 = cells("v6")
    assert len({c.scope for c in of_v6}) == 8  # two I/O APIC versions, four pairs of flags
    assert len({id(prepare.prepare(c.system, c.scope, applying(c))) for c in of_v6}) == 1
    assert len({generate(lower(c.system, c.scope, applying(c))) for c in of_v6}) == 1


def test_other_sizes_properties_or_roles_are_other_programs(fresh):
    first, *_ = cells("v6")
    one = prepare.prepare(first.system, first.scope, applying(first))
    others = [
        prepare.prepare(first.system, Scope(cpus=1), applying(first)),
        prepare.prepare(first.system, first.scope, applying(first)[1:]),
        *(prepare.prepare(c.system, c.scope, applying(c)) for c in (cells("v5")[0], cells("v6", "windows_cg")[0])),
    ]
    assert len({id(p) for p in (one, *others)}) == 5
