"""One search by several workers, each of which has the states whose hash says so (engine/partition.py).

Who owns the search sends the batches on, numbers the new states of a level in the order in which one search would meet them, and
has all of it in the end; so nothing that is asked of a finished search knows of it. What ends a search early (a fault, a limit,
Ctrl-C) is left to the owner's own engine, which goes on from the last whole level. A worker that dies takes its states with it:
the search begins again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from checker.engine import native
from checker.engine.native import NONE, U32, U64, Outcome, Stats
from checker.engine.partition import Batch, PartOfAll, Portion
from checker.engine.search import Limits, NativeSearch, Progress
from checker.errors import InternalError
from checker.workers.crew import crew
from checker.workers.workers import TRIES, Desk, Died, Errand, Worker

BORDER = native.BORDER  # states: a search of fewer is over before it is worth to share it out


class Maker(Protocol):
    """Makes the search, here or in a worker."""

    def search(self) -> NativeSearch: ...


@dataclass
class _Bench:
    """What a worker has at hand: how to make a search, and its part of it once that is begun."""

    maker: Maker
    part: Portion | None = None


@dataclass(frozen=True)
class _Plan:
    parts: int
    large: bool
    keep_edges: bool
    max_bytes: int | None


def run(search: NativeSearch, maker: Maker, limits: Limits, watch: Progress, stop: threading.Event) -> Outcome:
    """Explore. Raises what NativeSearch.run does, and UserError."""
    most = BORDER if limits.max_states is None else min(BORDER, limits.max_states)
    outcome = search.run(replace(limits, max_states=most), watch)
    if outcome is not Outcome.STATE_LIMIT or most == limits.max_states:
        return outcome
    if limits.checkpoints and limits.checkpoints.resumed:  # what was found before is here alone
        return search.run(limits, watch)
    started = time.monotonic()
    for left in reversed(range(TRIES)):
        try:
            _together(search, maker, limits, watch, stop)
            break
        except Died as died:
            if not left:
                raise InternalError(str(died)) from None
    spent = time.monotonic() - started
    rest = limits.seconds and max(0.0, limits.seconds - spent)
    return search.run(replace(limits, seconds=rest), watch)


def _together(search: NativeSearch, maker: Maker, limits: Limits, watch: Progress, stop: threading.Event) -> None:
    start, room = crew(limits.on, _Bench(maker), stop)
    plan = _Plan(room, BORDER >= native.BORDER, _edges_matter(search), limits.max_bytes)
    with _all_at_once(start, room) as ask:
        ask(_begin, [(plan,)] * room)
        first = np.frombuffer(search.exploration.memory("keys", _key_bytes(search)).tobytes(), np.uint32).reshape(1, -1)
        owner = int(search.exploration.part_of(np.ascontiguousarray(first), room)[0])
        ask(_initial, [(first if part == owner else None,) for part in range(room)])
        levels = _Levels(ask, room, limits, watch, stop)
        levels.run()
        found = ask(_all_of, [(levels.expanded, levels.states, levels.is_cut)] * room)
    _put_together(search, levels, found)


def _edges_matter(search: NativeSearch) -> bool:
    """They are kept, or it is asked where one leads."""
    return search.exploration.keep_edges or search.exploration.shape.n_edge_atoms > 0


def _key_bytes(search: NativeSearch) -> int:
    return search.exploration.sizes_of({**search.exploration.counts(), "states": 1})["keys"]


Ask = Callable[[Callable[..., object], Sequence[tuple[object, ...]]], list[Any]]


@contextmanager
def _all_at_once(start: Callable[[], Worker], number: int) -> Iterator[Ask]:
    """Asks every worker, each with arguments of its own, and waits for all."""
    workers = list[Worker]()

    def answer(worker: Worker, function: Callable[..., object], arguments: tuple[object, ...]) -> object:
        return worker.do(Errand(function, arguments))

    try:
        for _ in range(number):  # before there is another thread
            workers.append(start())
        with ThreadPoolExecutor(number) as pool:
            yield lambda function, each: list(pool.map(answer, workers, [function] * number, each))
    finally:
        for worker in workers:
            worker.end()


class _Levels:
    """What there is of the levels that count. is_cut: there is more in the workers."""

    def __init__(self, ask: Ask, parts: int, limits: Limits, watch: Progress, stop: threading.Event) -> None:
        self._ask, self._parts, self._limits, self._watch, self._stop = ask, parts, limits, watch, stop
        self.expanded, self.states, self.transitions = 0, 1, 0
        self.ends, self.is_cut = list[int](), False
        self._started = time.monotonic()

    def run(self) -> None:
        while self.expanded < self.states and not self._is_over():
            if not self._level():
                self.is_cut = True
                return

    def _is_over(self) -> bool:
        """Is what follows left to one process?"""
        most, seconds = self._limits.max_states, self._limits.seconds
        late = seconds is not None and time.monotonic() - self._started >= seconds
        return self._stop.is_set() or late or (most is not None and self.states >= most)

    def _level(self) -> bool:
        """Does it count?"""
        sent = self._ask(_expand, [()] * self._parts)
        if any(batches is None for batches in sent):
            return False
        edges = sum(len(batch.order) for batches in sent for batch in batches)
        met = self._ask(_settle, [([batches[part] for batches in sent],) for part in range(self._parts)])
        if any(found is None for found in met):
            return False
        new = sum(map(len, met))
        most = self._limits.max_states
        if self.states + new > (native.NONE - 2 if most is None else most):
            return False
        numbers = self._numbers(met)
        targets = self._ask(_number, [(ids,) for ids in numbers])
        back = [[of[part] for of in targets if of] for part in range(self._parts)]
        size = sum(self._ask(_link, [(of,) for of in back]))
        self.ends.append(self.states)
        self.expanded, self.states, self.transitions = self.states, self.states + new, self.transitions + edges
        self._tell(size)
        return True

    def _numbers(self, met: Sequence[Any]) -> list[U32]:
        """The ids of each part's new states: by where they were met first."""
        order = np.concatenate(met)
        ids = np.empty(len(order), np.uint32)
        ids[np.argsort(order, kind="stable")] = np.arange(self.states, self.states + len(order), dtype=np.uint32)
        return np.split(ids, np.cumsum([len(found) for found in met])[:-1])

    def _tell(self, size: int) -> None:
        try:
            ends = tuple(self.ends)
            self._watch(Stats(self.states, self.expanded, self.transitions, len(ends), size, size, ends))
        except KeyboardInterrupt:
            self._stop.set()


# ---- in a worker ----


def _begin(desk: Desk, plan: _Plan) -> None:
    bench: _Bench = desk.state
    bench.part = Portion(
        bench.maker.search(), plan.parts, large=plan.large, keep_edges=plan.keep_edges, max_bytes=plan.max_bytes
    )


def _part(desk: Desk) -> Portion:
    part = desk.state.part
    assert isinstance(part, Portion)
    return part


def _initial(desk: Desk, key: U32 | None) -> None:
    if key is not None:
        _part(desk).begin(key)


def _expand(desk: Desk) -> list[Batch] | None:
    return _part(desk).expand(desk.stop)


def _settle(desk: Desk, batches: Sequence[Batch]) -> U64 | None:
    return _part(desk).settle(batches)


def _number(desk: Desk, ids: U32) -> list[U32]:
    return _part(desk).number(ids)


def _link(desk: Desk, targets: Sequence[U32]) -> int:
    return _part(desk).link(targets)


def _all_of(desk: Desk, expanded: int, states: int, cut: bool) -> PartOfAll:
    return _part(desk).all_of(expanded, states, cut=cut)


# ---- all of it ----


def _put_together(search: NativeSearch, levels: _Levels, parts: Sequence[PartOfAll]) -> None:
    counts = {
        "expanded": levels.expanded, "states": levels.states, "transitions": levels.transitions,
        "levels": len(levels.ends),
    }  # fmt: skip
    keys = np.empty((levels.states, parts[0].keys.shape[1]), np.uint32)
    parents = np.empty(levels.states, np.uint32)
    for part in parts:
        keys[part.ids], parents[part.ids] = part.keys, part.parents
    arrays = {"keys": keys, "parent": parents, "level_end": np.array(levels.ends, np.uint32)}
    edges = _edges(levels, parts) if _edges_matter(search) else {}
    small = _small(parts, edges)
    if search.exploration.keep_edges:
        arrays |= edges
    raw = {name: np.frombuffer(of.tobytes(), np.uint8) for name, of in (arrays | small).items()}
    search.take_over(counts, raw, np.bitwise_or.reduce([part.marks for part in parts]))


def _edges(levels: _Levels, parts: Sequence[PartOfAll]) -> dict[str, Any]:
    """Rows, targets and labels, in the order of the sources."""
    counts = np.zeros(levels.expanded, np.int64)
    for part in parts:
        counts[part.ids[: len(part.rows)]] = part.rows
    row = np.concatenate([[0], np.cumsum(counts)])
    target, label = np.empty(levels.transitions, np.uint32), np.empty(levels.transitions, np.uint16)
    for part in parts:
        starts = np.cumsum(part.rows, dtype=np.int64) - part.rows
        places = np.repeat(row[part.ids[: len(part.rows)]] - starts, part.rows) + np.arange(len(part.labels))
        target[places], label[places] = part.targets, part.labels
    return {"row": row.astype(np.uint64), "target": target, "label": label}


def _small(parts: Sequence[PartOfAll], edges: Mapping[str, Any]) -> dict[str, Any]:
    """How often each label was taken, and where each value was seen first, by any of them."""
    counts = np.sum([part.small["label_count"].view(np.uint64) for part in parts], axis=0, dtype=np.uint64)
    first = np.minimum.reduce([part.small["first"].view(np.uint32) for part in parts])
    of_parts = np.stack([part.small["first_edge"].view(np.uint32).reshape(-1, 3) for part in parts])
    best = of_parts[:, :, 0].argmin(axis=0)  # of one source one part has all edges; who has none says NONE, the largest
    edge = of_parts[best, np.arange(of_parts.shape[1])].copy()
    seen = edge[:, 0] != NONE
    if seen.any():
        edge[seen, 2] = edges["target"][edges["row"][edge[seen, 0]].astype(np.int64) + edge[seen, 2]]
    return {"label_count": counts, "first": first, "first_edge": edge}
