"""Which properties are asked of the same systems: then their C is one file, which all these systems share.

With a file for each module of properties each formula was compiled 2.6 times for one size, as not every property of a module
is asked of every system (docs/decisions/008).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

from checker.matrix.roles import all_properties
from checker.matrix.select import select, selection
from model.lang import Property

BASE = "base"  # its kernel stands for all: other kernels are asked what it is asked, but for little
Function: TypeAlias = Callable[..., Any]


def asked_alike(p: Property) -> Hashable:
    """Equal for properties of which every system is asked both or neither; of a property of the user's, and of one that no
    system is asked, the file that it stands in."""
    return _asked_of().get(p.function) or p.function.__code__.co_filename


@functools.cache
def _asked_of() -> Mapping[Function, tuple[int, ...]]:
    """Of each registered property the numbers of the systems of the base's default matrix that are asked it."""
    systems = dict.fromkeys(cell.system for cell in select(selection(BASE))[1])
    return {
        p.function: tuple(number for number, system in enumerate(systems) if p.why_not(system) is None)
        for p in all_properties().values()
    }
