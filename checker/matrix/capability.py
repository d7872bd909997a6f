"""What a user's file brings that is to be tried: API flags, and choices of its own scope."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import takewhile

from checker.language.source import definition_of
from checker.matrix.roles import users_file
from checker.matrix.scope import ScopeValue
from model.machine import ApiFlags, Machine, Scope

ALL = tuple(ApiFlags)
MOST_TIMES = 4  # as many cells as where each value is tried by itself: so all combinations of four that are on or off
ASKS_FOR: dict[str, tuple[ApiFlags, ...]] = {  # a kernel's function -> the flags that reach it
    Machine.enable_KVM_CAP_X2APIC_API.__name__: ALL,
    Machine.enable_KVM_CAP_SPLIT_IRQCHIP_API.__name__: (ApiFlags.NONE, ApiFlags.BIT3),
}


def api_flags(role: type[Machine]) -> tuple[ApiFlags, ...]:
    """The flags that a kernel or VMM knows: as it says, or as a user's that says nothing does: it restates what answers to
    them (a kernel), or reads them (a VMM)."""
    own = list(takewhile(users_file, role.__mro__))
    if any("api_flags" in vars(cls) for cls in own):
        return role.api_flags
    found = set(role.api_flags)
    for cls in own:
        for name, function in vars(cls).items():
            found |= set(ASKS_FOR.get(name, ()))
            found |= set(ALL) if inspect.isfunction(function) and _reads_flags(definition_of(function)) else set()
    return tuple(flags for flags in ApiFlags if flags in found)


def _reads_flags(node: ast.FunctionDef) -> bool:
    """`self.scope.flags`."""
    return any(
        isinstance(n, ast.Attribute) and n.attr == "flags" and isinstance(n.value, ast.Attribute) and n.value.attr == "scope"
        for n in ast.walk(node)
    )  # fmt: skip


def choices(of: type[Scope], fixed: Mapping[str, ScopeValue]) -> Sequence[Mapping[str, ScopeValue]]:
    """The values to try of the choices that a user's scope adds: as they are, each other value by itself, and then every
    combination, where that does not make the matrix more than MOST_TIMES as large."""
    values = {name: every for name, every in own_values(of).items() if name not in fixed}
    alone: list[dict[str, ScopeValue]] = [{name: value} for name, of_one in values.items() for value in of_one[1:]]
    one_by_one = [{}, *alone]
    if math.prod(map(len, values.values())) > MOST_TIMES * len(one_by_one):
        return one_by_one
    usual = {name: every[0] for name, every in values.items()}
    every = [dict(zip(values, tried, strict=True)) for tried in itertools.product(*values.values())]
    told = [{**usual, **tried} for tried in one_by_one]
    return [*told, *(tried for tried in every if tried not in told)]


def own_values(of: type[Scope]) -> dict[str, Sequence[bool | Enum]]:
    """Every value of each choice that a user's scope adds, the one by default first."""
    every = {name: [True, False] if isinstance(now, bool) else list(type(now)) for name, now in own_choices(of).items()}
    return {name: [now, *(value for value in every[name] if value != now)] for name, now in own_choices(of).items()}


def own_choices(of: type[Scope]) -> dict[str, bool | Enum]:
    """The choices that a user's scope adds, as they are by default."""
    known = {f.name for cls in of.__mro__ if not users_file(cls) and dataclasses.is_dataclass(cls)
             for f in dataclasses.fields(cls)}  # fmt: skip
    return {name: value for name, value in of().choices().items() if name not in known}
