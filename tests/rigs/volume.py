"""How much of what can be had without end is tried: little in `make test`, much in `make nightly`."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

NIGHTLY = bool(os.environ.get("EOI_NIGHTLY"))


def volume(usual: int, nightly: int) -> int:
    return nightly if NIGHTLY else usual


def at_once(values: Iterable[object], one_in: int) -> list[object]:
    """Parameters of a test: the first of so many is in `make check`, the others in `make test`."""
    later = [pytest.mark.everything]
    return [value if n % one_in == 0 else pytest.param(value, marks=later) for n, value in enumerate(values)]
