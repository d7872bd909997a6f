"""Which lines of the model the page marks as only one design's."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.matrix.loader import load_design
from checker.matrix.roles import registered
from checker.page.told import marked_lines
from model.designs.base import Base
from tests.rigs.user_file import GOOD

pytestmark = pytest.mark.unit


def texts(changed):
    found = list[str]()
    for file, functions in changed.items():
        lines = Path(file).read_text().splitlines()
        found += [lines[n - 1].strip() for numbers in functions.values() for n in sorted(numbers)]
    return found


def test_of_a_restated_function_the_lines_that_are_new():
    """v1 has every line of base's kvm_ioapic_send_eoi(), and two more."""
    added, removed = marked_lines(Base, registered("kernel", "v1"))
    assert [text.partition("  #")[0] for text in texts(added)] == ["if apic.spiv_directed_eoi:", "return"]
    assert texts(removed) == []


def test_of_what_is_taken_away_the_lines_that_are_gone():
    v1 = registered("kernel", "v1")
    added, removed = marked_lines(v1, Base)
    assert texts(added) == [] and len(texts(removed)) == 2


def test_what_is_called_by_super_is_not_gone(tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    mine = load_design(str(tmp_path / "mine.py"))
    added, removed = marked_lines(Base, mine)
    assert "if apic.spiv_directed_eoi:" in texts(added) and texts(removed) == []
