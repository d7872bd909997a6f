"""What several of these tests begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checker.symbolic.any_run import AnyRun


@pytest.fixture
def runs() -> Iterator[list[AnyRun]]:
    """Those that a test puts here are closed when it ends."""
    made = list[AnyRun]()
    yield made
    for run in made:
        run.close()
