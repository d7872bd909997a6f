"""What is installed: five top-level packages and the C engine; and what a shadowed `model` is told."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The project's wheel, built from a copy of what git tracks."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for folder in ("model", "properties", "checker", "oracles", "lift"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                target = source / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheels_top_level(wheel: zipfile.ZipFile):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {t for t in top if not t.endswith(".dist-info")} == {"model", "properties", "checker", "oracles", "lift"}


def test_the_wheel_has_every_source_that_the_tool_reads(wheel: zipfile.ZipFile):
    have = set(wheel.namelist())
    for folder in ("model", "properties", "checker", "oracles", "lift"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".c", ".h", ".md", ".txt", ".json"):
                assert str(path.relative_to(ROOT)) in have


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
