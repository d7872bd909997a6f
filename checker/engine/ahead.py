"""Answers that several threads look for while the first is waited for.

Each is a question of its own to a graph that nobody changes, and the C that answers it holds no lock of Python; so what is said
is what one thread would say, whatever the order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Found = TypeVar("Found")


class Ahead(Generic[Asked, Found]):
    """asked: in the order in which they will be. threads: how many are looked for at once; those that nobody comes to ask for
    are at most one less."""

    def __init__(self, find: Callable[[Asked], Found], asked: Sequence[Asked], threads: int) -> None:
        self._find, self._left, self._threads = find, list(dict.fromkeys(asked)), threads
        self._pool = ThreadPoolExecutor(threads)
        self._begun = dict[Asked, Future[Found]]()

    def get(self, one: Asked) -> Found:
        """Raises what looking for it raised."""
        self._begin(one)
        for other in list(self._left):
            if sum(not future.done() for future in self._begun.values()) >= self._threads:
                break
            self._begin(other)
        return self._begun[one].result()

    def _begin(self, one: Asked) -> None:
        if one not in self._begun:
            self._begun[one] = self._pool.submit(self._find, one)
        if one in self._left:
            self._left.remove(one)
