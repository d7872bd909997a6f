"""`.ci/run`: the tests and then the gate, and either makes it red. What it calls is a stub here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def stub(path: Path, says: str, code: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{says} $*"\nexit {code}\n')
    path.chmod(0o755)


def ci_run(tree: Path, tests: int, gate: int) -> tuple[int, list[str]]:
    """Runs a copy of .ci/run with a make and an eoi that end as told."""
    (tree / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", tree / ".ci" / "run")
    stub(tree / "bin" / "make", "make", tests)
    stub(tree / ".venv" / "bin" / "eoi", "eoi", gate)
    path = f"{tree / 'bin'}:{os.environ['PATH']}"
    ran = subprocess.run(
        [tree / ".ci" / "run"], cwd="/", env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    return ran.returncode, ran.stdout.splitlines()


@pytest.mark.parametrize(("tests", "gate", "code"), [(0, 0, 0), (2, 0, 2), (0, 1, 1), (0, 4, 4), (2, 1, 2)])
def test_it_runs_the_tests_and_the_whole_gate(tmp_path: Path, tests: int, gate: int, code: int) -> None:
    assert ci_run(tmp_path, tests, gate) == (
        code,
        [
            "make test",
            "eoi gate",
            f".ci/run: make test ended with exit code {tests}, eoi gate with exit code {gate}",
        ],
    )
