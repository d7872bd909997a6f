"""A system that runs in CPython, put into a state and read back.

A step changes few of its cells, and the next step starts a state away: only what differs is stored, and only what the
system no longer holds is encoded.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from model.finite import MaskType, decode, encode
from model.lang import Cell, Design, cells

Codes: TypeAlias = tuple[int, ...]


class Running:
    """A design's instance. Codes are in the order of model.lang.cells, whose holders must stay the same objects."""

    def __init__(self, system: Design) -> None:
        self.system = system
        self.cells: list[Cell] = list(cells(system))
        self._masks = [k for k, (_, _, of) in enumerate(self.cells) if isinstance(of, MaskType)]
        self._places = [(holder, key) for holder, key, _ in self.cells]
        self._held = [object()] * len(self.cells)  # what lay in each cell when its code was last known, and the code
        self._codes = [-1] * len(self.cells)
        self.state: Codes | None = None  # that it is in; None once something ran that may have changed any cell

    def save(self) -> Codes:
        """The state that it is in. Raises RangeError if a cell holds no value of its type."""
        held, codes = self._held, self._codes
        values: list[Any] = [holder[key] for holder, key in self._places]
        for k, value in enumerate(values):
            if value is not held[k]:
                codes[k] = encode(self.cells[k][2], value)
                held[k] = value
        for k in self._masks:  # a mask is changed in its place
            if values[k].bits != codes[k]:
                codes[k] = encode(self.cells[k][2], values[k])
        self.state = tuple(codes)
        return self.state

    def go_to(self, state: Codes) -> None:
        """Put it into a state. What lies in its cells may be anything, unless `state` is where it is."""
        if self.state is state:
            return
        if self.state is None:
            self._store(state, range(len(state)))
        else:
            self._store(state, [k for k, (now, code) in enumerate(zip(self.state, state, strict=True)) if now != code])
        self.state = state

    def _store(self, state: Codes, which: range | list[int]) -> None:
        for k in which:
            holder, key, of = self.cells[k]
            if isinstance(of, MaskType):
                holder[key].bits = state[k]
            else:
                holder[key] = self._held[k] = decode(of, state[k])
            self._codes[k] = state[k]
