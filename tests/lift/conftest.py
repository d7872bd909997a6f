"""`eoi lift` inside the test process, as other commands."""

import pytest

from tests.command.conftest import eoi, few_states_again, wide_screen

__all__ = ["eoi", "few_states_again", "wide_screen"]


@pytest.fixture(autouse=True)
def of_no_gate(quickly_compiled: None) -> None:
    """What is lifted here is nobody's but a test's, and explored in small cells."""
