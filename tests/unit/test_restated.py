"""What a function has in common with the one that it replaces is not the user's, and only that."""

from __future__ import annotations

import ast

import pytest

from checker.questions.restated import _common

OLD = """\
def f(self, apic, vector):
    '''What it does.'''
    if not self.handles(apic, vector):
        return
    if apic.stale == vector:
        self.scan(apic)
    for pin, rte in self.ioapic.items():
        if rte.vector == vector:
            self.eoi(pin)
        else:
            self.skip(pin)
    apic.pending = vector
"""
LINES = {
    "if not": 3,
    "return": 4,
    "if stale": 5,
    "scan": 6,
    "for": 7,
    "if vector": 8,
    "eoi": 9,
    "skip": 11,
    "pending": 12,
}


def of(text: str) -> ast.FunctionDef:
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function


@pytest.mark.parametrize(
    ("change", "theirs"),
    [
        (("self.scan(apic)", "self.scan(vector)"), {"scan"}),
        (("apic.stale == vector", "apic.stale != vector"), {"if stale", "scan"}),
        (("rte.vector == vector", "rte.vector != vector"), {"if vector", "eoi", "skip"}),
        (("self.ioapic.items()", "self.other.items()"), {"for", "if vector", "eoi", "skip"}),
        (("apic.pending = vector", "apic.pending = (\n        apic.stale)"), {"pending"}),
        (("            self.eoi(pin)\n        else:\n            self.skip(pin)", "            self.skip(pin)\n        else:\n            self.eoi(pin)"), {"eoi", "skip"}),
        (("        self.scan(apic)\n", "        self.scan(apic)\n        return\n"), set()),
        (("    if apic.stale == vector:\n        self.scan(apic)\n", ""), None),
        (("f(", "g("), None),
    ],
)  # fmt: skip
def test_a_statement_that_reads_as_before_where_it_was(change: tuple[str, str], theirs: set[str] | None) -> None:
    """None: nothing is added, so all of it is looked at."""
    text = OLD.replace(*change)
    assert text != OLD
    common = _common(of(OLD), of(text))
    if theirs is None:
        assert common == set()
        return
    kept = {line for line in text.splitlines() if text.splitlines().index(line) + 1 in common}
    alike = {OLD.splitlines()[line - 1] for name, line in LINES.items() if name not in theirs}
    assert {line.strip() for line in kept} == {line.strip() for line in alike}


def test_an_added_statement_is_theirs() -> None:
    text = OLD.replace("        self.scan(apic)\n", "        self.scan(apic)\n        return\n")
    assert 7 not in _common(of(OLD), of(text)) and 8 in _common(of(OLD), of(text))


def test_a_condition_over_two_lines_is_one_statement() -> None:
    old = OLD.replace("if not self.handles(apic, vector):", "if not (\n        self.handles(apic, vector)):")
    common = _common(of(old), of(old.replace("self.scan(apic)", "self.scan(vector)")))
    assert {3, 4, 5} <= common and 7 not in common
