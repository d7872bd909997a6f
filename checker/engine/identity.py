"""What is worked out of an object once, and found again by the object itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

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
