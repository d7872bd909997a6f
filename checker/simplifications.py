"""What the model leaves out: every `Simplified:` and `Assumed:` note of model/ and properties/."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"\b(Simplified|Assumed): (.*)")


def collect_simplifications(root: Path = ROOT) -> list[tuple[str, int, str]]:
    """(file relative to root, line, text) of every note, in order of files and lines."""
    found = []
    for folder in ("model", "properties"):
        for path in sorted((root / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                mark = MARK.search(line)
                if mark:
                    found.append((str(path.relative_to(root)), number, f"{mark[1]}: {mark[2].strip().rstrip(chr(34))}"))
    return found
