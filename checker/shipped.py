"""Files of the repository that an installed eoi has, too: setup.py puts them into the wheel."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IN_A_WHEEL = "checker/data"


def own(path: str) -> Path:
    """The repository's file or folder of this name, as the code that runs came with it."""
    shipped = ROOT / IN_A_WHEEL / path
    return shipped if shipped.exists() else ROOT / path


def conform() -> str:
    """How the model is compared with real systems: an installed eoi has no Makefile."""
    return "make conform" if (ROOT / "Makefile").is_file() else "eoi conform kvm, eoi conform qemu"
