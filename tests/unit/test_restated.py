"""What a function has in common with the one that it replaces is not the user's, and only that."""

from __future__ import annotations

import ast

import pytest

from checker.questions.restated import shared

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


THE_LOOP = {"for", "if vector", "eoi", "skip"}
ALL_BEHIND = {*THE_LOOP, "pending"}
STALE = "    if apic.stale == vector:\n"
GUARD = "    if new:\n        return\n"


@pytest.mark.parametrize(
    ("change", "theirs"),
    [
        (("self.scan(apic)", "self.scan(vector)"), {"scan", *ALL_BEHIND}),
        (("apic.stale == vector", "apic.stale != vector"), {"if stale", "scan", *ALL_BEHIND}),
        (("rte.vector == vector", "rte.vector != vector"), ALL_BEHIND),
        (("self.eoi(pin)", "self.eoi(vector)"), ALL_BEHIND),
        (("self.ioapic.items()", "self.other.items()"), ALL_BEHIND),
        (("apic.pending = vector", "apic.pending = (\n        apic.stale)"), {"pending"}),
        (("        self.scan(apic)\n", "        self.scan(apic)\n        return\n"), set()),
        (("        self.scan(apic)\n", "        self.scan(apic)\n        self.scan(vector)\n"), ALL_BEHIND),
        (("        return\n", "        self.other(apic)\n        return\n"), {"return"}),
        (("        return\n", "        self.scan(apic)\n"), {"if stale", "scan", *ALL_BEHIND}),
        (("    if apic.stale == vector:\n        self.scan(apic)\n", ""), ALL_BEHIND),
        (("        else:\n            self.skip(pin)\n", ""), ALL_BEHIND),
        (("    apic.pending = vector\n", ""), THE_LOOP),
        (("f(", "g("), None),
        # Put in, and it can only leave: whoever comes to the rest does as before.
        ((STALE, GUARD + STALE), set()),
        ((STALE, "    if other:\n" + GUARD.replace("    ", "        ") + STALE), set()),
        ((STALE, "    known = self.known()\n    if known:\n        self.scan(vector)\n        return\n" + STALE), set()),
        (("        self.scan(apic)\n", "        if new:\n            return\n        self.scan(apic)\n"), set()),
        (("    apic.pending = vector\n", "    apic.pending = vector\n" + GUARD), set()),
        # Not quite: it changes a name that the rest reads, may go on, takes the place of another, comes after another change.
        ((STALE, "    vector = self.known()\n" + GUARD + STALE), {"if stale", "scan", *ALL_BEHIND}),
        ((STALE, "    if new:\n        self.scan(vector)\n" + STALE), {"if stale", "scan", *ALL_BEHIND}),
        ((STALE, "    if new:\n        return\n    else:\n        self.scan(vector)\n" + STALE), {"if stale", "scan", *ALL_BEHIND}),
        (("    if not self.handles(apic, vector)", "    if new"), {"return", "if stale", "scan", *ALL_BEHIND}),
        ((STALE, "    self.scan(vector)\n" + GUARD + STALE), {"if stale", "scan", *ALL_BEHIND}),
        ((STALE + "        self.scan(apic)\n", GUARD), ALL_BEHIND),
        (("        if rte.vector == vector", "        if new:\n            return\n        if rte.vector == vector"), ALL_BEHIND),
    ],
)  # fmt: skip
def test_a_statement_that_reads_as_before_where_it_was(change: tuple[str, str], theirs: set[str] | None) -> None:
    """None: the two are one, so all of it is looked at. What stands behind a change may do something else because of it."""
    text = OLD.replace(*change)
    assert text != OLD
    common = shared(of(OLD), of(text))
    if theirs is None:
        assert common == set()
        return
    kept = {line for line in text.splitlines() if text.splitlines().index(line) + 1 in common}
    alike = {OLD.splitlines()[line - 1] for name, line in LINES.items() if name not in theirs}
    said = {line.strip() for line in kept} - {"else:"}
    assert said == {line.strip() for line in alike if line in text.splitlines()}


def test_what_follows_what_returns_is_shared() -> None:
    """The added return is looked at; that the others go on is not new."""
    text = OLD.replace("        self.scan(apic)\n", "        self.scan(apic)\n        return\n")
    assert 7 not in shared(of(OLD), of(text)) and {3, 4, 5, 6, 8, 13} <= shared(of(OLD), of(text))


def test_a_condition_over_two_lines_is_one_statement() -> None:
    old = OLD.replace("if not self.handles(apic, vector):", "if not (\n        self.handles(apic, vector)):")
    common = shared(of(old), of(old.replace("self.scan(apic)", "self.scan(vector)")))
    assert {3, 4, 5} <= common and 7 not in common
