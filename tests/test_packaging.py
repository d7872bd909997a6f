"""What is installed: five top-level packages and the C engine; and what a shadowed `model` is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


PACKAGES = ("model", "properties", "checker", "oracles", "lift")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy of what git tracks."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "setup.py"):
        shutil.copy(ROOT / name, source / name)
    for folder in (*PACKAGES, "reports", "tests/litmus"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that it is unpacked to; what it depends on is this Python's."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(built).extractall(folder)
    return folder


def ran(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`eoi` out of the wheel, from an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    program = "import sys; sys.argv[0] = 'eoi'; from checker.command.entry import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", program, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheels_top_level(wheel: zipfile.ZipFile):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {t for t in top if not t.endswith(".dist-info")} == {"model", "properties", "checker", "oracles", "lift"}


def test_the_wheel_has_every_source_that_the_tool_reads(wheel: zipfile.ZipFile):
    have = set(wheel.namelist())
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".c", ".h", ".md", ".txt", ".json", ".css", ".js"):
                assert str(path.relative_to(ROOT)) in have


def test_the_wheel_has_what_the_gate_expects_the_stories_and_what_was_measured(wheel: zipfile.ZipFile) -> None:
    have = {name for name in wheel.namelist() if name.startswith("checker/data/")}
    stories = {
        f"checker/data/tests/litmus/{path.name}"
        for path in (ROOT / "tests/litmus").glob("*.*")
        if path.suffix != ".md" and not path.name.startswith("test_")
    }
    reports = {
        f"checker/data/reports/{name}"
        for name in ("expected.toml", "conformance/kvm.json", "conformance/qemu.json", "mutation/world.json")
    }
    proofs = {f"checker/data/reports/proofs/{path.name}" for path in (ROOT / "reports/proofs").glob("*.txt")}
    assert len(stories) > 50 and len(proofs) > 1 and have == stories | reports | proofs
    assert wheel.read("checker/data/reports/expected.toml") == (ROOT / "reports/expected.toml").read_bytes()


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    said = wheel.read(name).decode()
    for line in (
        "Requires-Python: >=3.11",
        "Classifier: Operating System :: POSIX :: Linux",
        "Summary: ",
        "Keywords: KVM,",
    ):
        assert f"\n{line}" in said
    assert "\n# eoiproof\n" in said  # the README


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", "--design", "mutant_b1", "--jobs", "1"), ": all as in {installed}/checker/data/reports/expected.toml ("),
        (("prove", "v6", "--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20,flags=NONE"), " steps agree with Linux "),
        (("list", "simplifications"), "model/kvm/x86.py:"),
        (("explain", "vcpu_enter_guest"), "model/kvm/x86.py: X86C.vcpu_enter_guest()"),
    ],
)  # fmt: skip
def test_an_installed_eoi_has_all_that_it_needs(
    installed: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    found = ran(installed, tmp_path, *words)
    assert found.returncode == 0 and said.format(installed=installed) in found.stdout, found.stdout + found.stderr
    assert "make conform" not in found.stdout and not list(tmp_path.iterdir())


def test_an_installed_eoi_runs_the_stories(installed: Path, tmp_path: Path) -> None:
    """All of them take half a minute: it finds them, and runs one."""
    found = ran(installed, tmp_path, "litmus", "--help")
    assert found.returncode == 0 and "or else eoi's own" in " ".join(found.stdout.split())
    program = "from checker.command.parsers import LITMUS, here_or_own; print(len(list(here_or_own(LITMUS).glob('*.litmus'))))"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    count = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert int(count.stdout) == len(list((ROOT / "tests/litmus").glob("*.litmus"))) > 50
    one = sorted((installed / "checker/data/tests/litmus").glob("C01*"))[0]
    assert ran(installed, tmp_path, "litmus", str(one)).returncode == 0


def test_a_shadowed_model_is_explained(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    ran = subprocess.run(
        [sys.executable, "-c", "import checker.command.cli"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode != 0 and "another package called 'model'" in ran.stderr


@pytest.mark.parametrize(
    ("target", "dev"), [("setup", False), ("prove", False), ("mutants", False), ("check", True), ("test", True)]
)
def test_only_what_tests_needs_what_tests_need(tmp_path: Path, target: str, dev: bool) -> None:
    """Half of what would be installed otherwise, before the first answer."""
    (tmp_path / "pyproject.toml").write_text("")
    command = ["make", "-n", "-C", tmp_path, "-f", ROOT / "Makefile", target]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--editable ." in told and ("--editable '.[dev]'" in told) is dev
