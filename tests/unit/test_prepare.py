"""What is shared between cells is the program of the cell that asks for it."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest

from checker.engine import build, kept, prepare
from checker.engine import linked as modules
from checker.engine.cgen import generate
from checker.engine.native import Outcome
from checker.engine.reference import Reference
from checker.engine.search import Limits, open_search
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from checker.matrix.roles import all_properties, designs
from model.lang import compose
from model.machine import Scope
from tests.rigs.compare import load_module
from tests.rigs.header import Sizes


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


def linked(cell):
    return prepare.Prepared(cell.system, cell.scope, applying(cell)).linked()


def test_a_program_from_the_cache_is_the_one_that_was_linked(fresh):
    cell = cells("v6", cpus=1, pins=1)[0]
    first = linked(cell)
    again = prepare.Prepared(cell.system, cell.scope, applying(cell))
    assert first.program.functions and not again.program.functions  # it was not lowered
    bare = replace(first.program, functions={}, uncalled={}, owners={})
    found = again.linked()
    assert (found.program, found.files, found.offsets, found.meaning) == (
        bare,
        first.files,
        first.offsets,
        first.meaning,
    )


def test_a_damaged_program_or_library_counts_as_absent(fresh):
    cell = cells("v6", cpus=1, pins=1)[0]
    library = fresh / linked(cell).files[0].library
    (program,) = fresh.glob("*.program")
    content = program.read_bytes()
    for damage in (b"", content[:-1], content[: len(content) // 2], content[:50] + b"?" + content[51:]):
        program.write_bytes(damage)
        assert kept.load(program, cell.system) is None
    program.write_bytes(content)
    assert kept.load(program, cell.system) is not None
    loaded = dict(modules._modules)
    modules._modules.clear()
    library.write_bytes(library.read_bytes()[:-1])
    assert kept.load(program, cell.system) is None
    modules._modules.update(loaded)


def test_what_a_program_depends_on_names_its_file(fresh, monkeypatch):
    """Another role, size, kind of choice or property, any edit of a source file, another compiler or flag: another name."""
    first, other = cells("v6")[0], cells("v6", "windows_cg")[0]
    asked = applying(first)
    scopes = [Scope(), Scope(cpus=1), Scope(pins=1), Scope(vectors=1)]
    names = {kept.path_of(first.system, scope, asked) for scope in scopes}
    names |= {kept.path_of(first.system, Scope(), asked[1:]), kept.path_of(other.system, Scope(), asked)}
    monkeypatch.setattr(kept, "digest_of", lambda modules: "edited")
    names.add(kept.path_of(first.system, Scope(), asked))
    monkeypatch.setattr(build, "_compiler_version", lambda command: f"{command}, a later one")
    names.add(kept.path_of(first.system, Scope(), asked))
    monkeypatch.setattr(build, "_flags", lambda extra: ["-O3", *extra])
    names.add(kept.path_of(first.system, Scope(), asked))
    assert len(names) == 9 and None not in names


@pytest.mark.everything
@pytest.mark.parametrize("edited", ["mine.py", "beside.py"])
def test_a_program_of_the_users_is_kept_until_a_file_of_theirs_is_edited(fresh, tmp_path, edited):
    (tmp_path / "beside.py").write_text("LEAVES = False\n")
    (tmp_path / "mine.py").write_text(
        "from beside import LEAVES\n"
        "from model.designs.base import Base\nfrom model.machine import Lapic, Vector\n\n\nclass Mine(Base):\n"
        "    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n"
        "        if LEAVES:\n            return\n        super().kvm_ioapic_send_eoi(apic, vector)\n"
    )

    def asked():
        found = matrix(
            ("mine.py", load_design(str(tmp_path / "mine.py"))), kernels=[], vmms=["qemu"], guests=["linux"],
            devices=["level"], scope={"cpus": 1, "pins": 1},
        )  # fmt: skip
        cell = next(c for c in found if isinstance(c, Cell))
        return prepare.Prepared(cell.system, cell.scope, applying(cell))

    before = asked()
    before.linked()
    assert not asked().program.functions  # it is kept
    text = (tmp_path / edited).read_text()
    (tmp_path / edited).write_text(
        text.replace("LEAVES = False", "LEAVES = True").replace("if LEAVES", "if not LEAVES")
    )
    after = asked()
    assert after.program.functions and after.linked().meaning.digest != before.linked().meaning.digest


def test_a_class_whose_name_stands_for_another_is_not_kept(fresh, monkeypatch):
    """A file is named by names: they have to be those of the very classes that are asked for."""
    (cell, *_) = cells("v6", cpus=1, pins=1)
    kernel = cell.system.__bases__[0]
    assert kept.path_of(cell.system, cell.scope, []) is not None
    same = type(kernel.__name__, (kernel,), {"__module__": kernel.__module__, "lane": "another"})
    assert kept.path_of(compose(same, *cell.system.__bases__[1:]), cell.scope, []) is None
    _ = cell.system.__annotations__  # Python makes an empty one when it is asked for
    assert kept.path_of(cell.system, cell.scope, []) is not None
    changed = type(cell.system.__name__, (cell.system,), {"__module__": kernel.__module__, "lane": "another"})
    assert kept.path_of(changed, cell.scope, []) is None
    p = applying(cell)[0]
    assert kept.path_of(cell.system, cell.scope, [replace(p, function=lambda s: True)]) is None


KIND = """\
from enum import Enum

from tests.rigs.header import *


class Kind(Enum):
    A = 0
    B = 1
    {more}


class Toy(Design):
    scope: Sizes
    on: bool

    @step(by="guest")
    def go(self, kind: Kind) -> None:
        self.on = kind == Kind.A
"""


def test_equal_digests_are_not_of_types_that_are_called_alike(tmp_path):
    """The C of go() is the same, and it has two instances or three."""
    found = {}
    for name, more in (("two", ""), ("three", "C = 2"), ("too", "")):
        (tmp_path / f"{name}.py").write_text(KIND.format(more=more))
        toy = load_module(tmp_path / f"{name}.py", f"kinds_{name}").Toy
        found[name] = modules.link(lower(toy, Sizes()), toy, ()).meaning.digest
    assert found["two"] == found["too"] != found["three"]


LOOP = """
from tests.rigs.header import *


class Toy(Design):
    scope: Sizes
    on: bool

    @step(by="guest")
    def go(self) -> None:
        for pin in range(self.scope.pins):
            self.on = not self.on
"""


def test_equal_digests_are_not_of_loops_that_count_to_different_sizes(tmp_path):
    """The C of go() is the same, and neither a field nor an instance says how often it goes round."""
    (tmp_path / "loop.py").write_text(LOOP)
    toy = load_module(tmp_path / "loop.py", "loop_toy").Toy
    two, three = (modules.link(lower(toy, Sizes(pins=pins)), toy, ()) for pins in (2, 3))
    assert [file.library for file in two.files] == [file.library for file in three.files]
    assert two.meaning.digest != three.meaning.digest


def test_an_abandoned_search_is_freed_without_the_garbage_collector():
    """Its arrays are large and its objects few: a collector that counts objects lets thousands of them pile up."""
    cell = cells("base", cpus=1, pins=1, vectors=1)[0]
    prepared = prepare.prepare(cell.system, cell.scope, applying(cell))
    gc.disable()
    try:
        search = open_search(prepared, Reference(cell.system, cell.scope), "native")
        assert search.run(Limits(), None) is Outcome.COMPLETE
        watched = weakref.ref(search)
        del search
        assert watched() is None
    finally:
        gc.enable()
