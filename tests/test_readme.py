"""The README's transcripts are run: what it shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from checker.cli import main

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"```console\n\$ (eoi [^\n]*)\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_there_are_transcripts():
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[b[0][4:24] for b in BLOCKS])
def test_transcript(command: str, shown: str, capsys: pytest.CaptureFixture[str]):
    main(shlex.split(command)[1:])
    assert capsys.readouterr().out == shown
