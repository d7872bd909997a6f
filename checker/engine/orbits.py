"""What orbits.h goes by: for each renaming of rows, which cell of a state gets the value of which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.engine.engine_abi import COrbits
from checker.engine.native import NONE
from checker.language.ir import Program
from checker.language.layout import Layout, width
from checker.language.renaming import Renaming
from model.finite import Scalar, size

MOST = 720  # renamings: as many times a state is looked at before it is looked up


class Orbits:
    """Of a program, by all of these renamings: the first one changes nothing, and with two of them there is what they make one
    after the other. `c` is struct Orbits."""

    def __init__(self, program: Program, renamings: Sequence[Renaming]) -> None:
        self.program, self.renamings = program, renamings
        self._layout = Layout(program)
        sources = [list(r.sources(program.state)) for r in renamings]
        leaves = self._layout.leaves
        moved = [  # from the last on: what is going on is then of the first rows, as in the stories of people
            k
            for k, leaf in reversed(list(enumerate(leaves)))
            if any(of[k] != k or r.touches(leaf.type) for r, of in zip(renamings, sources, strict=True))
        ]
        cell, self._maps = self._layout.cell, list[int]()
        self._starts = dict[tuple[Renaming, Scalar], int]()
        found: list[NDArray[Any]] = [
            np.array([cell[k] for k in moved], np.uint32),
            np.array([[cell[of[k]] for k in moved] for of in sources], np.uint32),
            np.array([[self._map(r, leaves[k].type) for k in moved] for r in renamings], np.uint32),
            np.array(self._maps, np.uint64),
            np.array([r.labels(program) for r in renamings], np.uint16),
        ]
        self._kept = [np.ascontiguousarray(of) for of in found]
        sizes = len(renamings), len(moved), self._layout.cell_bytes
        self.c = COrbits(*(of.ctypes.data for of in self._kept), *sizes)

    def _map(self, renaming: Renaming, of: Scalar) -> int:
        """Where the map of a type begins; NONE if no value of it changes. Values that no code stands for stay."""
        if not renaming.touches(of):
            return NONE
        if (renaming, of) not in self._starts:
            self._starts[renaming, of] = len(self._maps)
            codes = size(of)
            self._maps += [renaming.code(of, code) if code < codes else code for code in range(1 << width(of))]
        return self._starts[renaming, of]

    def digest(self) -> bytes:
        """Two of one digest take the same states for one."""
        return hashlib.sha256(b"".join(of.tobytes() for of in self._kept)).digest()
