"""Runs every transcript of the README, docs and findings again and writes what the commands print now; draws the picture. Read the diff!

python -m tests.refill_transcripts [PAGE...]
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path

from checker.command.cli import main
from tests.test_readme import PAGES, PICTURE, ROOT, TRANSCRIPT, printed, shown_of


def output_of(command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main(printed(command))
    return shown_of(command, out.getvalue())


def again(block: re.Match[str]) -> str:
    return f"```console\n$ {block[1]}\n{output_of(block[1])}```"


if __name__ == "__main__":
    os.environ["EOI_ANEW"] = "1"  # what was kept is said, and is not everywhere
    os.environ |= {"COLUMNS": "80", "LINES": "24"}
    output_of("eoi " + PICTURE.format(ROOT / "docs/storm.svg"))
    for page in [Path(name) for name in sys.argv[1:]] or PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(TRANSCRIPT.sub(again, text), encoding="utf-8")
