"""The desk's stumbles (studies/desk.md) that have no other place: what is printed can be pasted, what is there is not called
missing, what is ignored is refused."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.command.cli import build_parser, module_of
from checker.questions.claims import CLAIMS
from oracles.kvm import vm
from tests.command.conftest import Ran
from tests.rigs.own_process import HOLDS, ran

pytestmark = pytest.mark.everything
Eoi = Callable[..., Ran]


def test_every_command_that_claims_prints_can_be_pasted() -> None:
    """Stumble 8: four of them ended in `--scope `."""
    commands = [query.command() for claim in CLAIMS for query in claim.queries]
    assert len(commands) > 20
    for command in commands:
        words = shlex.split(command)
        assert command == command.strip() and words[:2] == ["eoi", "prove"]
        options = build_parser(["prove"]).parse_args(words[1:])
        module_of("selected").look_up(options)
        assert options.asked.wanted


def test_a_device_that_is_no_kvm_costs_no_verdict(eoi: Eoi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stumble 11, bad inputs 8 and 9."""
    vm._device.cache_clear()
    monkeypatch.setattr(vm, "DEVICE", "/dev/null")
    found = eoi("prove", "v1", "--vmm", "qemu", "--guest", "windows_cg", "--property", "no_eoi_lost", "--confirm",
                "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")  # fmt: skip
    assert found.code == 1 and not found.err and "no_eoi_lost: VIOLATED in 10 steps" in found.out
    assert "NOT RUNNABLE HERE: /dev/null is no KVM device" in found.out
    found = eoi("conform", "kvm", "--cover")
    assert found.code == 3 and "/dev/null is no KVM device" in found.out + found.err
    vm._device.cache_clear()


@pytest.mark.parametrize("files", [5, 7, 8, 10, 16])
def test_a_limit_on_open_files_is_told_as_one(files: int, tmp_path: Path) -> None:
    """Bad input 13: `no C compiler was found`, where there is one."""
    found = ran(HOLDS, f"ulimit -n {files}; EOI_CACHE={tmp_path} {{}}")
    assert found.returncode in (0, 2), found.stderr
    if found.returncode:
        (line,) = found.stderr.splitlines()
        assert line.startswith("eoi: ") and line.endswith(": too many open files") and "eoi: output" not in line
    assert "no C compiler" not in found.stderr and "Traceback" not in found.stderr


def test_the_help_of_trace_says_that_a_property_is_needed(eoi: Eoi) -> None:
    found = eoi("trace", "v1")
    assert found.code == 2 and "give a property, too: eoi trace v1 no_eoi_lost, or --property P" in found.err
    assert "one at least, so or behind DESIGN" in " ".join(eoi("help", "trace").out.split())
    assert "one at least" not in " ".join(eoi("help", "prove").out.split())


def test_how_slow_it_is_without_a_compiler_is_said_alike() -> None:
    """README, doctor, glossary and the command itself."""
    root = Path(__file__).resolve().parents[2]
    found = ran(HOLDS, CC="false")
    assert found.returncode == 0 and "several hundred times slower" in " ".join(found.stderr.split())
    for page in ("README.md", "docs/glossary.md", "checker/command/doctor.py"):
        text = " ".join((root / page).read_text().split())
        assert "several hundred times slower" in text and "thousand times slower" not in text


def test_a_model_folder_of_somebody_elses_is_named(tmp_path: Path) -> None:
    """Stumble 7, the other half: a package, not a module."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").write_text("")
    path = f"{tmp_path}{os.pathsep}{Path(__file__).resolve().parents[2]}"
    found = ran(["list"], cwd=tmp_path, PYTHONPATH=path)
    assert found.returncode == 2 and found.stdout == "" and "Traceback" not in found.stderr
    assert found.stderr.startswith("eoi: eoiproof found another package called 'model' at ")


def test_a_flag_in_the_matrix_is_explained_below_it(eoi: Eoi) -> None:
    found = eoi("prove", "v6", "--vmm", "qemu", "--guest", "linux", "--property", "no_eoi_lost", "--brief", "--absolute",
                "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20")  # fmt: skip
    assert "qemu 0x20 BIT2, linux, level" in found.out
    assert "BIT2 is KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST in v6" in found.out
