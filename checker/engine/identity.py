"""What is worked out of an object once, and found again by the object itself."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_not
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ByIdentity(Generic[K, V]):
    """Not by its hash, which would be one of all nodes of a program or function. most: objects; then all are forgotten."""

    def __init__(self, work_out: Callable[[K], V], most: int) -> None:
        self._work_out, self._most = work_out, most
        self._known: dict[int, tuple[K, V]] = {}  # the object is kept alive, so the id stays its own

    def __call__(self, of: K) -> V:
        kept = self._known.get(id(of))
        if kept is None:
            if len(self._known) >= self._most:
                self._known.clear()
            kept = self._known[id(of)] = (of, self._work_out(of))
        return kept[1]


class LastAsked(Generic[V]):
    """What was worked out last, for who asks it again of the very same objects."""

    def __init__(self, work_out: Callable[..., V]) -> None:
        self._work_out = work_out
        self._last: tuple[tuple[Any, ...], V] | None = None

    def __call__(self, *of: Any) -> V:
        if self._last is None or any(map(is_not, of, self._last[0])):
            self._last = of, self._work_out(*of)
        return self._last[1]
