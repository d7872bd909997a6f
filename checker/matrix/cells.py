"""The matrix of a design: every VMM, I/O APIC version, guest, device and flag that it is judged with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.matrix.roles import ROLES, check_roles, registered, role_of
from checker.matrix.scope import scope_type
from model.lang import Design, compose
from model.machine import ApiFlags, IoapicVersion, Machine, Scope


@dataclass(frozen=True)
class Cell:
    """One point of the matrix. `names`: role -> the name that selects it on the command line."""

    names: Mapping[str, str]
    system: type[Design]
    scope: Scope

    subject: str = "kernel"  # the role under review

    def __str__(self) -> str:
        shown = {role: name.rpartition("/")[2] for role, name in self.names.items()}
        kernel = "" if self.subject == "kernel" else f"{shown['kernel']}, "
        flags = "" if self.scope.flags is ApiFlags.NONE else f" {self.scope.flags.name}"
        return f"{kernel}{shown['vmm']} {self.scope.ioapic.value:#x}{flags}, {shown['guest']}, {shown['device']}"


@dataclass(frozen=True)
class Skipped:
    """A point of the matrix that does not exist, and why."""

    title: str
    why: str


def matrix(
    design: tuple[str, type[Machine]], *, kernels: Sequence[str], vmms: Sequence[str], guests: Sequence[str],
    devices: Sequence[str], scope: Mapping[str, Any], find: Callable[[str, str], type[Machine]] | None = None,
) -> list[Cell | Skipped]:  # fmt: skip
    """Every cell of the design under the chosen VMMs, guests, devices; I/O APIC versions unless scope fixes one.

    find(role, name): the class of a name (default: the registered ones). Raises UserError.
    """
    name, cls = design
    find = find or registered
    families = {
        "kernel": {k: find("kernel", k) for k in kernels},
        "vmm": {k: find("vmm", k) for k in vmms},
        "guest": {k: find("guest", k) for k in guests},
        "device": {k: find("device", k) for k in devices},
    }
    if cls.default_roles:  # a design that is asked of a system of its own
        scope = {**getattr(cls, "scope_defaults", {}), **scope}
    families[role_of(cls)] = {name: cls}
    versions = [scope["ioapic"]] if "ioapic" in scope else list(IoapicVersion)
    found = list[Cell | Skipped]()
    order = (families["vmm"], versions, families["guest"], families["device"], families["kernel"])
    for vmm, version, guest, device, kernel in itertools.product(*order):
        for flags in _flags(families["kernel"][kernel], families["vmm"][vmm], scope):
            names = {"kernel": kernel, "vmm": vmm, "guest": guest, "device": device}
            roles = [families[role][names[role]] for role in ROLES]
            if version not in families["vmm"][vmm].versions:
                if "ioapic" in scope:
                    title = f"{vmm} {version.value:#x}, {guest}, {device}"
                    found.append(Skipped(title, f"{vmm} has no I/O APIC of this version"))
                continue
            defaults = [getattr(families[role][names[role]], "scope_defaults", {}) for role in ("guest", "vmm")]
            sizes = {**defaults[0], **defaults[1], **scope, "ioapic": version, "flags": flags}
            check_roles(tuple(roles))
            found.append(Cell(names, _system(*roles), replace(scope_type(roles)(), **sizes), role_of(cls)))
    return found


SYSTEMS: dict[tuple[type[Design], ...], type[Design]] = {}


def _system(*roles: type[Design]) -> type[Design]:
    """One class for all cells that differ in their scope only, so that what is worked out for it is shared."""
    if roles not in SYSTEMS:
        SYSTEMS[roles] = compose(*roles)
    return SYSTEMS[roles]


def _flags(kernel: type[Machine], vmm: type[Machine], scope: Mapping[str, Any]) -> list[ApiFlags]:
    """The API flags to try: those that the kernel design knows and the VMM would set, unless the scope fixes them."""
    if "flags" in scope:
        return [scope["flags"]]
    return [f for f in kernel.api_flags if f in vmm.api_flags]
