"""What holds for every test: its tier."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["EOI_ANEW"] = (
    "1"  # a test that seeds a bug must not be told what was found without it, nor leave what it found
)

pytest.register_assert_rewrite("tests.rigs")

HERE = Path(__file__).parent
# The tier of a folder's tests, but for those that say one themselves. `make check` runs `unit` and `agreement`.
TIERS = {
    "unit": "unit", "language": "unit", "refused": "unit", "stories": "unit",
    "agree": "agreement", "litmus": "agreement",
    "command": "everything", "oracles": "everything", "test_readme.py": "everything", "test_packaging.py": "everything",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in ("unit", "agreement", "everything")):
            folder = item.path.relative_to(HERE).parts[0]
            item.add_marker(TIERS.get(folder, "unit"))
