"""A patch as a design, for who is given one and lifts none: what lifts (lifting.py) is loaded only for a patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lift.lifting import Lifted


@dataclass(frozen=True)
class LiftedFile:
    """A patch as a file with a design in it. left_out: a line for each thing. places: of each function, the file and line
    that first change it."""

    source: str
    path: Path
    found: Lifted
    left_out: Sequence[str]
    base: str  # the registered design that it stands on
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
