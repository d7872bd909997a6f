"""What is shared between cells and kept on disk is the program of the cell that asks for it."""

from __future__ import annotations

import pytest

from checker.engine import generated, prepare
from checker.engine.cgen import generate
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
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


def test_a_program_from_the_cache_is_the_one_that_was_lowered(fresh):
    cell = cells("v6")[0]
    properties = applying(cell)
    path = generated.cache_path(cell.system, cell.scope, properties)
    program = lower(cell.system, cell.scope, properties)
    assert path is not None and generated.load(path, cell.system) is None
    generated.save(path, cell.system, program, "C")
    found = generated.load(path, cell.system)
    assert found is not None and found[1] == "C" and not found[0].functions
    assert (found[0].state, found[0].choices, found[0].steps, found[0].formulas) == (
        program.state, program.choices, program.steps, program.formulas,
    )  # fmt: skip


def test_a_damaged_file_counts_as_absent(fresh):
    cell = cells("v6")[0]
    path = generated.cache_path(cell.system, cell.scope, [])
    generated.save(path, cell.system, lower(cell.system, cell.scope), "C")
    content = path.read_bytes()
    for damage in (b"", content[:-1], content[: len(content) // 2], content[:50] + b"?" + content[51:]):
        path.write_bytes(damage)
        assert generated.load(path, cell.system) is None
    path.write_bytes(content)
    assert generated.load(path, cell.system) is not None


def test_an_edit_of_any_source_file_makes_another_name(fresh, monkeypatch):
    cell = cells("v6")[0]
    before = generated.cache_path(cell.system, cell.scope, [])
    monkeypatch.setattr(generated, "_sources", lambda: "edited")
    assert generated.cache_path(cell.system, cell.scope, []) != before
    assert generated.cache_path(cell.system, Scope(cpus=1), []) != generated.cache_path(cell.system, Scope(cpus=2), [])


def test_a_design_of_the_users_is_not_kept(fresh, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from model.designs.base import Base\n\nclass Mine(Base):\n    lane = 'mine'\n")
    found = matrix(
        ("mine.py", load_design(str(path))), kernels=[], vmms=["qemu"], guests=["linux"], devices=["level"], scope={}
    )
    cell = next(c for c in found if isinstance(c, Cell))
    assert generated.cache_path(cell.system, cell.scope, []) is None
