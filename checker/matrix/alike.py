"""Which properties are asked of the same systems: then their C is one file, which all these systems share.

With a file for each module of properties each formula was compiled 2.6 times for one size, as not every property of a module
is asked of every system (docs/decisions/008).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, default_devices, default_guests, default_vmms, designs, uapi_vmms
from model.lang import Property

BASE = "base"  # its kernel stands for all: other kernels are asked what it is asked, but for little
Function: TypeAlias = Callable[..., Any]


def asked_alike(p: Property) -> Hashable:
    """Equal for properties of which every system is asked both or neither; of a property of the user's, and of one that no
    system is asked, the file that it stands in."""
    return _asked_of().get(p.function) or p.function.__code__.co_filename


@functools.cache
def _asked_of() -> Mapping[Function, tuple[int, ...]]:
    """Of each registered property the numbers of the systems that are asked it."""
    systems = {cell.system: cell for cell in _cells()}
    return {
        p.function: tuple(number for number, system in enumerate(systems) if p.why_not(system) is None)
        for p in all_properties().values()
    }


def _cells() -> Sequence[Cell]:
    """The default matrix of the base."""
    kernel, vmms = (BASE, designs()[BASE]), default_vmms()
    among = functools.partial(matrix, kernel, kernels=(), scope={}, chosen=())
    found = among(vmms=vmms, guests=default_guests(vmms), devices=default_devices())
    found += among(vmms=uapi_vmms(), guests=default_guests(uapi_vmms()), devices=["level"])
    return [cell for cell in found if isinstance(cell, Cell)]
