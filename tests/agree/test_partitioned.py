"""A search that is shared out among processes says what one search says, number by number, however it ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.workers import partitioned
from tests.agree.test_linked import medium, prepared_of
from tests.rigs.compare import assert_same_search


@dataclass
class OfCell:
    edges: bool

    def search(self) -> NativeSearch:
        cell = medium()
        prepared = prepared_of(cell)
        return NativeSearch(
            prepared.program,
            Reference(cell.system, cell.scope),
            keep_edges=self.edges,
            prepared=prepared,
            noted=prepared.noted,
        )


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "BORDER", 32)


def both(edges: bool, **limits: Any) -> tuple[NativeSearch, NativeSearch]:
    one, other = OfCell(edges).search(), OfCell(edges).search()
    one.run(Limits(**limits), None)
    partitioned.run(other, OfCell(edges), Limits(on="processes", **limits), lambda stats: None, threading.Event())
    return one, other


@pytest.mark.parametrize("edges", [True, False])
def test_it_says_what_one_search_says(edges: bool) -> None:
    one, other = both(edges)
    assert one.outcome is Outcome.COMPLETE and one.stats().states == 9800
    assert_same_search(one, other)
    assert one.answers() == other.answers() and one.lines_run() == other.lines_run()
