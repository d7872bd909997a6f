"""What a machine has, and what the absence of each thing costs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError

import pytest

from checker.command import doctor
from tests.command.conftest import Ran

pytestmark = pytest.mark.everything


def test_what_is_there_is_named_with_its_version(eoi: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("oracles.kvm.vm", "oracles.qemu.process"):
        monkeypatch.setattr(f"{module}.why_missing", lambda: None)
    ran = eoi("doctor")
    lines = dict(line.split(maxsplit=1) for line in ran.out.splitlines() if line)
    assert ran.code == 0 and "without it" not in ran.out
    assert lines["/dev/kvm"] == lines["QEMU"] == "there" and lines["z3-solver"][0].isdigit()
    assert " files, " in lines["cache"] and "measured:" in lines


def test_what_is_missing_is_told_with_what_it_costs(eoi: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setenv("CC", "false")
    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr("oracles.kvm.vm.why_missing", lambda: "/dev/kvm: Permission denied")
    monkeypatch.setattr("oracles.qemu.process.why_missing", lambda: "it is not installed")
    ran = eoi("doctor")
    assert ran.code == 0 and ran.out.count("            without it: ") == 5
    for said in (
        "'false' cannot be run\n",
        "/dev/kvm: Permission denied\n",
        "it is not installed\n",
        "z3-solver   not installed\n",
    ):
        assert said in ran.out
    assert "several hundred times slower" in ran.out and "draws no pictures" in ran.out


def test_a_kvm_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from oracles.kvm import vm

    vm._device.cache_clear()
    monkeypatch.setattr(vm, "DEVICE", "/dev/null")
    assert vm.why_missing() == "/dev/null is no KVM device"
    monkeypatch.setattr(vm, "DEVICE", "/dev/none")
    assert vm.why_missing() == "/dev/none: No such file or directory"
