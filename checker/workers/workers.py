"""Some workers, each in a process of its own, who do what is handed in; where these processes are is theirs to know.

One that dies is replaced, and does again what it was at: whatever is handed in answers the same however often it is asked.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from checker.errors import InternalError

TRIES = 2  # of one call, by workers that die of it


class Died(Exception):
    """A worker is gone, with what it was at. killed: nothing that it did itself ended it; mostly that is a machine without
    memory."""

    def __init__(self, why: str, *, killed: bool) -> None:
        super().__init__(why)
        self.killed = killed


@dataclass(frozen=True)
class Desk:
    """What a worker has at hand. state: what all its calls are about. tell: takes what its owner should hear meanwhile. stop:
    is set once nobody waits for more than what there is."""

    state: Any
    tell: Callable[[object], None]
    stop: threading.Event


@dataclass(frozen=True)
class Errand:
    """function: of a module, of a Desk and the arguments. heard: takes what it tells. made: makes the answer of what it
    returns."""

    function: Callable[..., object]
    arguments: tuple[object, ...]
    heard: Callable[[Any], None] = lambda note: None
    made: Callable[[Any], Any] = lambda found: found


class Worker(Protocol):
    """Does one call after the other."""

    def do(self, call: Errand) -> object:
        """What the function returns. Raises what it raises, and Died."""

    def end(self) -> None:
        """No more calls are to come."""


class _Place:
    """Of one worker, and of whoever takes its place."""

    def __init__(self, start: Callable[[], Worker]) -> None:
        self._start = start
        self.worker = start()

    def do(self, call: Errand) -> object:
        """Raises InternalError or MemoryError if workers die of it."""
        for left in reversed(range(TRIES)):
            try:
                return self.worker.do(call)
            except Died as died:
                self.worker.end()
                self.worker = self._start()
                if not left:
                    raise MemoryError(str(died)) if died.killed else InternalError(str(died)) from None
        raise AssertionError


class Workers:
    """start: begins one. stop: once it is set, calls that were not begun are None. At first all begin, in the caller's thread."""

    def __init__(self, start: Callable[[], Worker], number: int, stop: threading.Event) -> None:
        self._stop = stop
        self._idle = queue.SimpleQueue[tuple[int, _Place]]()
        for nth in range(number):
            self._idle.put((nth, _Place(start)))
        self._left = deque[tuple[Sequence[Errand], Sequence[Future[Any]]]]()
        self._threads, self.number = ThreadPoolExecutor(number), number

    def submit(self, calls: Sequence[Errand]) -> list[Future[Any]]:
        """These go to one worker, one after the other: what it knows from one it need not find out for the next. What is handed
        in one after the other has more in common than the first has with the last: so half of the workers begin there."""
        futures = [Future[Any]() for _ in calls]
        self._left.append((calls, futures))
        self._threads.submit(self._next)
        return futures

    def _next(self) -> None:
        nth, place = self._idle.get()
        calls, futures = self._left.pop() if nth % 2 else self._left.popleft()
        for call, future in zip(calls, futures, strict=True):
            try:
                future.set_result(None if self._stop.is_set() else call.made(place.do(call)))
            except BaseException as error:
                future.set_exception(error)
        self._idle.put((nth, place))

    def end(self) -> None:
        """Once all is done that was begun."""
        self._threads.shutdown()
        for _ in range(self.number):
            self._idle.get()[1].worker.end()


@contextmanager
def working(start: Callable[[], Worker], number: int, stop: threading.Event) -> Iterator[Workers]:
    workers = Workers(start, number, stop)
    try:
        yield workers
    except BaseException:
        stop.set()
        raise
    finally:
        workers.end()
