"""A search that is shared out among processes says what one search says, number by number, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checker.engine import native, partition
from checker.engine.native import Exploration, Stats
from checker.engine.prepare import Prepared
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.workers import partitioned
from checker.workers.processes import Forked
from checker.workers.workers import Errand
from tests.agree.test_linked import medium, prepared_of
from tests.agree.test_threads import WAYS, WIDE
from tests.rigs.compare import assert_same_search, designs_in, load_module

pytestmark = pytest.mark.everything  # seconds, of what seldom changes


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


class Watched:
    """The workers of a search: how many began. dies: at which errand the first one is killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.asked, self.dies = list[Forked](), 0, 0
        crew = partitioned.crew

        def watched(on: str, state: object, stop: threading.Event) -> tuple[Any, int]:
            start, _ = crew(on, state, stop)
            return lambda: self._watch(start()), PARTS

        monkeypatch.setattr(partitioned, "crew", watched)

    def _watch(self, worker: Forked) -> Forked:
        self.begun.append(worker)
        do = worker.do

        def asked(errand: Errand) -> object:
            self.asked += 1
            if self.asked == self.dies:
                os.kill(worker.process.pid or 0, signal.SIGKILL)
            return do(errand)

        worker.do = asked  # type: ignore[method-assign]
        return worker


PARTS = 3


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(partitioned, "BORDER", 32)
    return Watched(monkeypatch)


def both(edges: bool = True, **limits: Any) -> tuple[NativeSearch, NativeSearch]:
    one, other = OfCell(edges).search(), OfCell(edges).search()
    one.run(Limits(**limits), None)
    partitioned.run(other, OfCell(edges), Limits(on="processes", **limits), lambda stats: None, threading.Event())
    return one, other


@pytest.mark.parametrize("edges", [True, False])
def test_it_says_what_one_search_says(edges: bool, workers: Watched) -> None:
    one, other = both(edges)
    assert one.outcome is Outcome.COMPLETE and one.stats().states == 9800 and len(workers.begun) == PARTS
    assert workers.asked > 4 * one.stats().depth  # rounds: they did it
    assert_same_search(one, other)
    assert one.answers() == other.answers() and one.lines_run() == other.lines_run()


@pytest.mark.everything  # compiles it as a whole
def test_what_is_compiled_as_a_whole_says_it_too(workers: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "BORDER", 32)
    one, other = both()
    assert len(workers.begun) == PARTS
    assert_same_search(one, other)


@pytest.mark.parametrize("most", [33, 3000, 9799])
def test_it_stops_where_one_search_stops(most: int, workers: Watched) -> None:
    one, other = both(max_states=most)
    assert one.outcome is Outcome.STATE_LIMIT and len(workers.begun) == PARTS
    assert_same_search(one, other)


def test_a_part_without_room_is_left_to_one_search(workers: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = Exploration.insert

    def small_room(of: Exploration, keys: Any, parents: Any, max_bytes: int | None) -> Any:
        if of.counts()["states"] > 700:
            return insert(of, keys, parents, 1)
        return insert(of, keys, parents, max_bytes)

    monkeypatch.setattr(Exploration, "insert", small_room)
    one, other = both()
    assert len(workers.begun) == PARTS and workers.asked < 4 * PARTS * one.stats().depth
    assert_same_search(one, other)


def test_a_worker_that_dies_is_no_worker_that_finds_less(workers: Watched) -> None:
    workers.dies = 60
    one, other = both()
    assert len(workers.begun) == 2 * PARTS
    assert_same_search(one, other)


def test_ctrl_c_leaves_what_whole_levels_there_are(workers: Watched) -> None:
    stop, other = threading.Event(), OfCell(True).search()

    def watch(stats: Stats) -> None:
        if stats.states > 2000 or stop.is_set():
            raise KeyboardInterrupt

    limits = Limits(on="processes")
    assert partitioned.run(other, OfCell(True), limits, watch, stop) is Outcome.INTERRUPTED
    assert 2000 < other.stats().states < 9800
    assert other.run(Limits(), None) is Outcome.COMPLETE
    one = OfCell(True).search()
    one.run(Limits(), None)
    assert_same_search(one, other)


def test_time_runs_out(workers: Watched) -> None:
    other = OfCell(True).search()
    limits = Limits(on="processes", seconds=1e-9)
    assert partitioned.run(other, OfCell(True), limits, lambda stats: None, threading.Event()) is Outcome.TIME_LIMIT
    assert other.stats().states < 9800


FAULT = """
    last: Pin

    @step(by="guest")
    def over(self, pin: Pin) -> None:
        for cpu in self.on:
            require(pin in self.on[cpu].pins)
        self.last = pin + 1
"""


def test_a_fault_is_the_one_that_one_search_meets(workers: Watched, tmp_path: Path) -> None:
    (tmp_path / "late_fault.py").write_text(WAYS + FAULT)
    design = designs_in(load_module(tmp_path / "late_fault.py", "late_fault"))
    prepared = Prepared(design, WIDE, [])

    class Toy:
        def search(self) -> NativeSearch:
            return NativeSearch(prepared.program, Reference(design, WIDE), keep_edges=True, prepared=prepared)

    one, other = Toy().search(), Toy().search()
    assert one.run(Limits(), None) is Outcome.FAULT and one.stats().states > 100
    partitioned.run(other, Toy(), Limits(on="processes"), lambda stats: None, threading.Event())
    assert len(workers.begun) == PARTS
    assert_same_search(one, other)


# ---- bugs that these tests are to notice ----


def without_the_last(batches: list[partition.Batch]) -> list[partition.Batch]:
    return [*batches[:-1], replace(batches[-1], order=batches[-1].order[:0], keys=batches[-1].keys[:0])]


def test_a_batch_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = partition.Portion.settle
    monkeypatch.setattr(partition.Portion, "settle", lambda part, batches: settle(part, without_the_last(batches)))
    monkeypatch.setattr(partition.Portion, "link", lambda part, targets: 0)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        assert_same_search(*both(False))


def test_ids_by_arrival_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_arrival(levels: Any, met: Any) -> Any:
        ends = levels.states + np.cumsum([len(found) for found in met])
        return [np.arange(end - len(found), end, dtype=np.uint32) for end, found in zip(ends, met, strict=True)]

    monkeypatch.setattr(partitioned._Levels, "_numbers", by_arrival)
    with pytest.raises(AssertionError):
        assert_same_search(*both())


def test_keys_in_the_order_of_their_senders_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition.np, "argsort", lambda order, kind: np.arange(len(order)))
    with pytest.raises(AssertionError):
        assert_same_search(*both())
