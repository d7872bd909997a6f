"""What holds for every test: its tier."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.engine import build, sources

sources.unedited = lambda: True  # who edits a file while tests run has them fail for what they are about
os.environ["EOI_ANEW"] = (
    "1"  # a test that seeds a bug must not be told what was found without it, nor leave what it found
)

pytest.register_assert_rewrite("tests.rigs")

HERE = Path(__file__).parent
QUICK = "not everything"  # what `make check` runs
# The tier of a folder's tests, but for those that say one themselves. `make check` runs `unit` and `agreement`.
TIERS = {
    "unit": "unit", "language": "unit", "refused": "unit", "stories": "unit",
    "agree": "agreement", "litmus": "agreement",
    "command": "everything", "page": "everything", "oracles": "everything", "test_readme.py": "everything", "test_packaging.py": "everything",
}  # fmt: skip


def pytest_configure() -> None:
    """A good part of all tests is the C compiler, and what a program answers does not depend on -O1, which the gate and the night
    compile with, as the product does."""
    if not os.environ.get("EOI_NIGHTLY"):
        optimising = build._flags
        build._flags = lambda extra: ["-O0" if flag == "-O1" else flag for flag in optimising(extra)]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make check` reads no file whose tests are all of another tier: each worker rewrites the asserts of what it reads."""
    if config.option.markexpr != QUICK or not collection_path.name.startswith("test_"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    if TIERS.get(collection_path.relative_to(HERE).parts[0]) != "everything":
        return True if re.search(r"^pytestmark = pytest\.mark\.everything\b", text, re.MULTILINE) else None
    return None if re.search(r"\bmark\.(unit|agreement)\b", text) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in ("unit", "agreement", "everything")):
            folder = item.path.relative_to(HERE).parts[0]
            item.add_marker(TIERS.get(folder, "unit"))


@pytest.fixture(scope="module", autouse=True)
def looked_through_for_garbage_once() -> Iterator[None]:
    """What a file's tests leave to those of later files: kept explorations, what was read once, a million objects in the end.
    `eoi drift` has all of them looked through at each call."""
    yield
    gc.collect()
    gc.freeze()
