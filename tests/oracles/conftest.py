"""The running kernel's KVM. Skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oracles.kvm.driver import LiveKvmSystem
from oracles.lockstep import OracleMissing


@pytest.fixture
def live() -> Iterator[LiveKvmSystem]:
    try:
        real = LiveKvmSystem()
    except OracleMissing as error:
        pytest.skip(f"no live KVM: {error}")
    yield real
    real.close()
