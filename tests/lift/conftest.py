"""`eoi lift` inside the test process, as other commands."""

from tests.command.conftest import eoi, few_states_again

__all__ = ["eoi", "few_states_again"]
