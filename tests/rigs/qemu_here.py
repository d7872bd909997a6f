"""What the tests with a real QEMU share: a visible skip where there is none, and chips that are closed again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from oracles.qemu.chip import Chip
from oracles.qemu.process import why_missing

WHY_NOT = why_missing()
needs_qemu = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
PIN, VECTOR, OTHER_VECTOR, NOBODY = 5, 0x41, 0x51, 1


@contextlib.contextmanager
def chip_of(version: int) -> Iterator[Chip]:
    """A started chip; CPU 0 can EOI both vectors."""
    chip = Chip(version, [VECTOR, OTHER_VECTOR])
    try:
        yield chip
    finally:
        chip.close()
