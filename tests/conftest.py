"""What holds for every test: its tier, and which tests one worker runs because they share what is explored."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.rigs")

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test is of one tier: `everything` where it says so, else `agreement` or `unit` by its folder."""
    for item in items:
        if item.get_closest_marker("everything") is None:
            agrees = item.path.is_relative_to(HERE / "agree")
            item.add_marker(pytest.mark.agreement if agrees else pytest.mark.unit)
