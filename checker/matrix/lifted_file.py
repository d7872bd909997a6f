"""A patch as a design, for who is given one and lifts none: what lifts (lifting.py) is loaded only for a patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lift.lifting import Lifted
    from lift.patch import Hunk

PLACES = dict[
    str, dict[str, tuple[str, int]]
]()  # of each file that a patch became: function -> file and line of the patch


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
    hunks: Sequence[Hunk] = ()  # of its mails, in C

    @property
    def not_judged(self) -> list[str]:
        """Of the lines that the patch changes, what no verdict speaks of: where, what, and why it is harmless; and what is assumed
        of where they stand."""
        told = [x for x in self.found.left_out if x.changed or x.around]
        return list(
            dict.fromkeys(f"{Path(x.file).name}:{x.line}: {'assumed: ' * x.around}{x.c} ({x.why})" for x in told)
        )


def not_judged(*designs: LiftedFile | None) -> list[str]:
    """Of those of them that are patches."""
    return [line for one in designs if one is not None for line in one.not_judged]


def place_in_patch(file: str, function: str) -> tuple[str, int] | None:
    """Of a function of a file that a patch became: which file and line of the patch first change it."""
    return PLACES.get(file, {}).get(function)
