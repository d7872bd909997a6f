"""How much of what can be had without end is tried: little in `make test`, much in `make nightly`."""

from __future__ import annotations

import os

NIGHTLY = bool(os.environ.get("EOI_NIGHTLY"))


def volume(usual: int, nightly: int) -> int:
    return nightly if NIGHTLY else usual
