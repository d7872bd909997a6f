"""Which properties are asked of the same systems: then their C is one file, which all these systems share.

With a file for each module of properties each formula was compiled 2.6 times for one size, as not every property of a module
is asked of every system (docs/decisions/008).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, default_devices, default_guests, default_vmms, designs
from model.lang import Property, Scope

BASE = "base"  # its kernel stands for all: other kernels are asked what it is asked, but for little
Sizes: TypeAlias = tuple[tuple[str, int], ...]
Function: TypeAlias = Callable[..., Any]


def asked_alike(p: Property, scope: Scope) -> Hashable:
    """Equal for properties of which every system of these sizes is asked both or neither; of a property of the user's, and
    of one that no such system is asked, the file that it stands in."""
    return _asked_at(_sizes(scope)).get(p.function) or p.function.__code__.co_filename


@functools.cache
def _asked_at(sizes: Sizes) -> Mapping[Function, tuple[int, ...]]:
    """Of each registered property the numbers of the systems that are asked it: of those of these sizes, or else of all."""
    systems = {cell.system: cell for cell in _cells()}
    same = [system for system, cell in systems.items() if _sizes(cell.scope) == sizes] or list(systems)
    return {
        p.function: tuple(number for number, system in enumerate(same) if p.why_not(system) is None)
        for p in all_properties().values()
    }


@functools.cache
def _cells() -> Sequence[Cell]:
    """The default matrix of the base."""
    kernel, vmms = (BASE, designs()[BASE]), default_vmms()
    guests, devices = default_guests(vmms), default_devices()
    found = matrix(kernel, kernels=(), vmms=vmms, guests=guests, devices=devices, scope={}, chosen=())
    return [cell for cell in found if isinstance(cell, Cell)]


def _sizes(scope: Scope) -> Sizes:
    return tuple(sorted(scope.sizes().items()))
