"""What the smaller scopes of a cell make of it: explored for a few seconds, and guessed within what is promised."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from checker.questions import smaller_scopes as module
from checker.questions.smaller_scopes import MOST, guess, guess_lines, smaller_scopes
from checker.questions.verdict import check_cell
from model.machine import Scope
from tests.command.conftest import Ran, eoi

__all__ = ["Ran", "eoi"]
pytestmark = pytest.mark.everything


def cell_of(scope: str) -> Cell:
    return select(selection("base", {"vmm": ["qemu"], "guest": ["linux"]}, ["remote_irr_set"], f"ioapic=0x20,{scope}"))[
        1
    ][0]


def test_the_numbers_are_those_of_the_scopes_and_the_guess_is_near() -> None:
    """Of a scope that can be explored whole."""
    cell = cell_of("cpus=4")
    found = smaller_scopes(cell, 60)
    assert [scope.sizes() for scope, _ in found] == [
        {"cpus": n, "pins": min(n, 2), "vectors": min(n, 2)} for n in (1, 2, 3)
    ]
    for scope, states in found[:2]:
        assert check_cell(replace(cell, scope=scope), []).stats.states == states
    total = guess(found, cell.scope)
    assert total is not None and 1 / 4 < total / check_cell(cell, []).stats.states < 4


def test_time_is_kept_and_nothing_is_said_of_too_little() -> None:
    cell = cell_of("cpus=8,pins=4,vectors=4")
    started = time.monotonic()
    found = smaller_scopes(cell, 1.5)
    assert time.monotonic() - started < 20 and all(scope != cell.scope for scope, _ in found)
    assert smaller_scopes(cell, 0) == [] and guess([], cell.scope) is None
    assert guess_lines([(Scope(cpus=1), 18)], cell.scope) == []


def test_a_guess_without_end_is_no_number() -> None:
    found = [(Scope(cpus=1, pins=1, vectors=1), 18), (Scope(), 4464)]
    assert (
        guess(found, Scope(cpus=64)) == MOST and "more than 1,000,000,000,000" in guess_lines(found, Scope(cpus=64))[1]
    )
    lines = guess_lines(found, Scope(cpus=3))
    assert lines[0] == "States of its smaller scopes: cpus=1,pins=1,vectors=1: 18; cpus=2,pins=2,vectors=2: 4,464."
    assert lines[1] == "At the last factor, 248.0, it has some 1,100,000: a guess that may be off by ten."


def test_it_is_told_before_a_search_without_limits(eoi, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    asked = list[Cell]()
    monkeypatch.setattr("checker.command.explore.smaller_scopes", lambda cell: asked.append(cell) or [])
    monkeypatch.setattr("checker.command.explore.run_campaign", lambda *rest, **options: 1 / 0)
    cell = ("--vmm", "qemu", "--guest", "linux", "--property", "eoi_exit", "--scope", "cpus=7,ioapic=0x20")
    eoi("trace", "base", *cell)
    assert len(asked) == 1
    eoi("trace", "base", *cell, "--timeout", "5")
    eoi("trace", "base", *cell[:-1], "cpus=2,ioapic=0x20")
    eoi("trace", "base", *cell, "--engine", "reference")
    assert len(asked) == 1
    assert module.SECONDS < 10
