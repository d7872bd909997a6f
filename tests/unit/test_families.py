"""A VMM, guest or device is registered by standing in its folder, as a design is."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import model.guests
import model.vmms
from checker.matrix.roles import GUESTS, ON_REQUEST, VMMS, designs, family, special_roles

MODULE = """
from abc import abstractmethod
from model.vmms.qemu import Qemu

class NotYet(Qemu):
    @abstractmethod
    def enable_capabilities(self) -> None: ...

class BaseOfDesigns(Qemu):
    called = None

class NewVmm(NotYet):
    def enable_capabilities(self) -> None:
        pass

class Another(NewVmm):
    called = "second"
    on_request = "for one question"
"""


def folder_with(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = tmp_path / "family_of_the_test"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module("family_of_the_test")


def test_a_member_is_found_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is abstract and what says that it is none is no member; ORDER's come first, by class or by the name given."""
    files = {"__init__.py": 'ORDER = ("second",)', "new.py": MODULE, "other.py": "class NoRole: ..."}
    found = family("vmm", folder_with(files, tmp_path, monkeypatch))
    assert list(found) == ["second", "new_vmm"]
    assert found["second"].on_request
    assert not found["new_vmm"].on_request


@pytest.mark.parametrize(("members", "folder"), [(VMMS, model.vmms), (GUESTS, model.guests)])
def test_every_order_names_members(members: dict[str, type], folder: ModuleType) -> None:
    assert list(members)[: len(folder.ORDER)] == list(folder.ORDER)


def test_on_request_is_not_inherited_by_what_says_otherwise() -> None:
    assert {"any_vmm", "setup_vmm", "lapic", "broken", "two_ioapics"} < ON_REQUEST
    assert not {"any", "qemu", "firecracker", "sel4"} & ON_REQUEST


def test_a_family_of_its_own_brings_its_designs_and_roles() -> None:
    assert designs()["cpuid_overhaul"].__module__ == "model.cpuid.designs.cpuid_overhaul"
    assert {"qemu_cpuid", "apic_prober"} < set(special_roles())
    assert not {"qemu_cpuid", "apic_prober"} & {*VMMS, *GUESTS}
