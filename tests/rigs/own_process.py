"""`eoi` as a process of its own, for what a test process cannot do to itself: closed streams, limits, another user."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

EOI = "import sys; sys.argv[0] = 'eoi'; from checker.command.entry import main; sys.exit(main())"
SMALL = ["--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20"]
CELL = [*SMALL, "--property", "no_eoi_lost", "--brief"]
HOLDS = ["prove", "--absolute", "v1", *CELL]  # in the smallest cell that there is
STORM = ["trace", "base", "--vmm", "qemu", "--guest", "windows_cg", *SMALL[-2:], "--property", "no_storm"]

Ran = subprocess.CompletedProcess[str]


def command(words: Sequence[str], python: Sequence[str] = ()) -> list[str]:
    """python: options of the interpreter."""
    return [sys.executable, *python, "-c", EOI, *words]


def ran(
    words: Sequence[str], shell: str = "", cwd: Path | None = None, python: Sequence[str] = (), **environment: str
) -> Ran:
    """A command of its own process. shell: what a shell does before and behind it, around `{}`."""
    line = command(words, python)
    if shell:
        line = ["bash", "-c", shell.replace("{}", shlex.join(line))]
    return subprocess.run(
        line, env={**os.environ, **environment}, capture_output=True, text=True, errors="replace", check=False, cwd=cwd,
        timeout=200,
    )  # fmt: skip


def is_a_clear_line(found: Ran, code: int, said: str) -> None:
    """It ended as it should, said what it should, and showed nothing that only the author of the program reads."""
    both = found.stdout + found.stderr
    assert found.returncode == code and said in both, (found.returncode, both)
    for word in ("Traceback", "bug in eoiproof", "internal error", "Exception ignored"):
        assert word not in both, both
