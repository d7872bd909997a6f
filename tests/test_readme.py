"""The transcripts of the README and of the findings are run: what it shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from checker.command.cli import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "reports" / "findings").glob("*.md")),
]
TRANSCRIPT = re.compile(r"```console\n\$ (eoi [^\n]*)\n(.*?)```", re.S)
BLOCKS = [block for page in PAGES for block in TRANSCRIPT.findall(page.read_text(encoding="utf-8"))]


def without_measured(text: str) -> str:
    """Its numbers are of the last `make conform`, whenever that was."""
    return re.sub(r"^measured: .*\n", "", text, flags=re.M)


def test_there_are_transcripts():
    assert len(PAGES) > 5 and len(BLOCKS) >= len(PAGES)


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[b[0][4:60] for b in BLOCKS])
def test_transcript(command: str, shown: str, capsys: pytest.CaptureFixture[str]):
    main(shlex.split(command)[1:])
    assert without_measured(capsys.readouterr().out) == without_measured(shown)
