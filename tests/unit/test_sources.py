"""What is kept of a system counts as absent after an edit of a file that has a say in it, and of no other."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from checker.engine import kept, sources
from checker.engine.kept import name_of
from checker.engine.reference import Reference, bindings_of, is_of_edges
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from checker.matrix.roles import VMMS, all_properties, designs
from checker.questions.verdict import asked_of
from model.machine import Machine

FILES = {
    "model/__init__.py": "",
    "model/lang.py": "",
    "model/kvm/__init__.py": "from model.kvm.lapic import Lapic\n",
    "model/kvm/lapic.py": "from . import irq\n",
    "model/kvm/irq.py": "def late():\n    from model.far import away\n",
    "model/far.py": "from .near import *\n",
    "model/near.py": "import model.lang\n",
    "model/designs/__init__.py": "",
    "model/designs/base.py": "from model.kvm import Lapic\n",
    "model/designs/v1.py": "from model.designs.base import Base\n",
    "model/designs/v6.py": "from model.designs import base\n",
    "properties/__init__.py": "",
    "properties/eoi.py": "import model.lang as lang\n",
    "checker/engine/search.h": "",
    "checker/questions/verdict.py": "",
}
OF_V1 = frozenset({"model.designs.v1", "properties.eoi"})
LEFT_OUT = {"model/designs/v6.py"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (sources.digest_of, sources._of_checker, sources._of_module, sources._file, sources._imported_by):
        cached.cache_clear()


def digest(modules: frozenset[str] = OF_V1) -> str:
    """As another process would find it."""
    forget()
    return sources.digest_of(modules)


@pytest.mark.parametrize("name", FILES)
def test_an_edit_counts_if_the_file_has_a_say(project: Path, name: str) -> None:
    before = digest()
    (project / name).write_text(FILES[name] + "# edited\n")
    assert (digest() == before) == (name in LEFT_OUT)


def test_a_new_import_is_followed(project: Path) -> None:
    (project / "model/designs/v1.py").write_text("from model.designs.v6 import V6\n")
    before = digest()
    (project / "model/designs/v6.py").write_text("# edited\n")
    assert digest() != before


def unedited() -> bool:
    sources._unedited.cache_clear()
    return sources._unedited(0)


def test_a_file_that_is_written_meanwhile_keeps_what_follows_from_being_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be imported already, or not yet: nobody knows which text a name would stand for."""
    target = project / "cache" / "x.program"
    monkeypatch.setattr(sources, "unedited", unedited)
    for name in ("model/designs/v6.py", "checker/engine/search.h"):
        monkeypatch.setattr(sources, "STARTED", time.time_ns() + 10**9)
        kept.write(target, b"one")
        assert unedited() and kept.read(target) == b"one"
        monkeypatch.setattr(sources, "STARTED", time.time_ns())
        (project / name).write_text(FILES[name])
        kept.write(target, b"two")
        assert not unedited() and kept.read(target) == b"one"


def test_an_editors_lock_is_no_source(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "STARTED", time.time_ns() + 10**9)
    before = digest()
    (project / "checker" / ".#search.py").symlink_to("somebody@somewhere.1")
    assert digest() == before and unedited()


def test_nor_is_anything_taken_then(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = cell_of("v1")
    assert name_of(cell.system, cell.scope, []) is not None
    monkeypatch.setattr(sources, "unedited", unedited)
    monkeypatch.setattr(sources, "STARTED", 0)
    assert name_of(cell.system, cell.scope, []) is None
    monkeypatch.undo()
    assert 0 < sources.STARTED < time.time_ns()


def test_another_python_is_another_digest(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr(sys, "version", "another")
    assert digest() != before


def cell_of(name: str, cls: type[Machine] | None = None, vmm: str = "qemu") -> Cell:
    found = matrix(
        (name, cls or designs()[name]), kernels=["base"], vmms=[vmm], guests=["windows_cg"], devices=["level"],
        scope={"cpus": 1, "pins": 1},
    )  # fmt: skip
    return next(cell for cell in found if isinstance(cell, Cell))


def modules_of(cell: Cell) -> set[str]:
    asked = asked_of(cell, list(all_properties().values()))
    return {cls.__module__ for cls in cell.system.__mro__ if cls.__module__ != "builtins"} | {
        p.function.__module__ for p in asked
    }


def files_run(run: Callable[[], object]) -> set[str]:
    found = set[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        found.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


def run_all(cell: Cell) -> None:
    """The system as CPython runs it, what the properties say of it, and what it lowers to."""
    asked = asked_of(cell, list(all_properties().values()))
    reference = Reference(cell.system, cell.scope)
    graph = reference.explore(max_states=300)
    for p in asked:
        for values in bindings_of(p, cell.scope):
            for state in graph.states[:300]:
                if is_of_edges(p):
                    reference.holds_on_edge(p.function, values, state, state)
                else:
                    reference.holds(p.function, values, state)
    lower(cell.system, cell.scope, asked)


@pytest.mark.parametrize(
    ("design", "vmm"), [("base", "qemu"), ("v6", "qemu"), ("v1", "openvmm"), ("v6", "kernel_irqchip")]
)
def test_whatever_a_system_runs_is_followed(design: str, vmm: str) -> None:
    """Of real cells: no file of the model or the properties is run that does not count."""
    cell = cell_of(design, vmm=vmm if vmm in VMMS else next(n for n in VMMS if vmm in n))
    followed = {str(sources._file(module)) for module in sources.followed(modules_of(cell))}
    ours = {file for file in files_run(lambda: run_all(cell)) if sources._file(module_of(file)) is not None}
    assert len(ours) >= 8 and ours <= followed


def module_of(file: str) -> str:
    path = Path(file)
    return ".".join(path.relative_to(sources.ROOT).with_suffix("").parts) if path.is_relative_to(sources.ROOT) else ""


def test_an_edit_of_one_design_or_vmm_leaves_the_others() -> None:
    v1, v6, openvmm = (
        sources.followed(modules_of(c)) for c in (cell_of("v1"), cell_of("v6"), cell_of("v1", vmm="openvmm"))
    )
    assert "model.designs.v6" in v6 - v1 and "model.designs.v1" in v1 - v6
    assert "model.vmms.openvmm" in openvmm - v1
    assert {"model.kvm.lapic", "model.machine", "model.lang", "properties.eoi"} <= v1 & v6 & openvmm


def test_what_a_users_file_imports_is_followed_also_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from model.vmms.openvmm import Openvmm\n")
    (tmp_path / "mine.py").write_text(
        "import beside\nfrom model.designs.base import Base\nfrom model.machine import Lapic, Vector\n\n\n"
        "class Mine(Base):\n"
        "    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n"
        "        if apic.spiv_directed_eoi:\n            return\n        super().kvm_ioapic_send_eoi(apic, vector)\n"
    )
    cell = cell_of("mine.py", load_design(str(tmp_path / "mine.py")))
    assert name_of(cell.system, cell.scope, []) is not None
    assert "model.vmms.openvmm" in sources.followed(modules_of(cell))
