"""How many states a breadth-first search may find in all: a guess from how its levels grow.

The logarithm of the levels' widths is taken for a parabola, whose last levels are known. Nothing is said before it has begun to
bend, nor where most would still be to come. Measured on eleven cells of 2,376 to 9,257,680 states, at every level: 88 % of 172
guesses were within a factor of 2, 93 % of 3; none was more than 1.5 times too large, and one 22 times too small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LEVELS = 8  # that are looked at
MOST = 4  # times what is known: beyond that nothing is said
FURTHER = 400  # levels


def in_all(level_ends: Sequence[int]) -> int | None:
    """The guess, with two digits. level_ends: how many states there are up to each level that is finished."""
    widths = np.diff([0, *level_ends])[-LEVELS:]
    if len(widths) < LEVELS or widths.min() <= 0:
        return None
    a, b, c = np.polyfit(np.arange(LEVELS), np.log(widths), 2)
    if a >= -1e-3:  # it does not bend
        return None
    known = total = float(level_ends[-1])
    for level in range(LEVELS, FURTHER):
        width = math.exp(min(a * level**2 + b * level + c, 60))
        total += width
        if total > MOST * known:
            return None
        if width < 0.5:
            break
    return _two_digits(total)


def _two_digits(number: float) -> int:
    unit = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return int(round(number / unit) * unit)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `5 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"
