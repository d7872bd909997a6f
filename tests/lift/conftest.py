"""`eoi lift` inside the test process, as other commands."""

from tests.command.conftest import eoi, few_states_again, wide_screen

__all__ = ["eoi", "few_states_again", "wide_screen"]
