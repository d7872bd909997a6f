"""The matrix of a design: every VMM, I/O APIC version, guest, device and flag that it is judged with."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from checker.matrix.capability import api_flags, choices, own_choices
from checker.matrix.roles import ROLES, keep_company, registered, role_of
from checker.matrix.scope import ScopeValue, checked_defaults, scope_type, scope_value, with_values
from checker.matrix.system import system_of
from model.lang import Design
from model.machine import ApiFlags, IoapicVersion, Machine, Scope


@dataclass(frozen=True)
class Cell:
    """One point of the matrix. `names`: role -> the name that selects it on the command line."""

    names: Mapping[str, str]
    system: type[Design]
    scope: Scope

    subject: str = "kernel"  # the role under review
    titles: Mapping[str, str] = field(
        default_factory=dict[str, str]
    )  # of names, where the file's alone is another's, too

    @property
    def own_choices(self) -> dict[str, str]:
        """The choices of a user's own, as --scope reads them back, that are not as they are by default."""
        usual = own_choices(type(self.scope))
        now = {name: getattr(self.scope, name) for name in usual}
        told = {name: value for name, value in now.items() if value != usual[name]}
        return {name: value.name if isinstance(value, Enum) else scope_value(value) for name, value in told.items()}

    def __str__(self) -> str:
        shown = {role: self.titles.get(name) or name.rpartition("/")[2] for role, name in self.names.items()}
        kernel = "" if self.subject == "kernel" else f"{shown['kernel']}, "
        flags = "" if self.scope.flags is ApiFlags.NONE else f" {self.scope.flags.name}"
        flags += "".join(f" {name}={value}" for name, value in self.own_choices.items())
        return f"{kernel}{shown['vmm']} {self.scope.ioapic.value:#x}{flags}, {shown['guest']}, {shown['device']}"


@dataclass(frozen=True)
class Skipped:
    """A point of the matrix that does not exist, and why."""

    title: str
    why: str


def matrix(
    design: tuple[str, type[Machine]], *, kernels: Collection[str], vmms: Collection[str], guests: Collection[str],
    devices: Collection[str], scope: Mapping[str, ScopeValue], chosen: Collection[str] = tuple(ROLES),
) -> list[Cell | Skipped]:  # fmt: skip
    """Every cell of the design under these VMMs, guests, devices; I/O APIC versions unless scope fixes one. Each is
    registered under its name, or found already: name -> class.

    chosen: the roles whose members the user named; the others are there by default, in the company that they keep.
    Raises UserError.
    """
    name, cls = design
    members = {"kernel": kernels, "vmm": vmms, "guest": guests, "device": devices}
    families = {
        role: dict(asked) if isinstance(asked, Mapping) else {n: registered(role, n) for n in asked}
        for role, asked in members.items()
    }
    families[role_of(cls)] = {name: cls}
    own = cls.scope_defaults if cls.default_roles else {}  # of a design that is asked of a system of its own
    asked = scope.get("ioapic")
    versions = [asked] if isinstance(asked, IoapicVersion) else list(IoapicVersion)
    titles = short_names([n for family in families.values() for n in family])
    found = list[Cell | Skipped]()
    order = (families["vmm"], versions, families["guest"], families["device"], families["kernel"])
    for vmm, version, guest, device, kernel in itertools.product(*order):
        names = {"kernel": kernel, "vmm": vmm, "guest": guest, "device": device}
        roles = {role: families[role][names[role]] for role in ROLES}
        fixed = {**_defaults(roles), **own, **scope}
        if version is not fixed.get("ioapic", version) or not keep_company(roles, chosen):
            continue
        if version not in roles["vmm"].versions:
            if "ioapic" in fixed:
                title = f"{titles[vmm]} {version.value:#x}, {titles[guest]}, {titles[device]}"
                found.append(Skipped(title, f"{titles[vmm]} has no I/O APIC of this version"))
            continue
        of = scope_type(list(roles.values()))
        for flags, tried in itertools.product(_flags(roles["kernel"], roles["vmm"], fixed), choices(of, fixed)):
            values = {**fixed, **tried, "ioapic": version, "flags": flags}
            found.append(Cell(names, system_of(*roles.values()), with_values(of(), values), role_of(cls), titles))
    return found


def _defaults(roles: Mapping[str, type[Machine]]) -> dict[str, ScopeValue]:
    """What the roles of a system are explored with unless told otherwise: the kernel has the last word."""
    of = scope_type(list(roles.values()))
    found = dict[str, ScopeValue]()
    for role in ("guest", "vmm", "device", "kernel"):
        found.update(checked_defaults(roles[role], of))
    return found


def short_names(names: Collection[str]) -> dict[str, str]:
    """Each name, of a file with as few of its folders as tell it from the others: `k/mine.py` beside `g/mine.py`."""
    found = dict[str, str]()
    for name in names:
        parts = name.split("/")
        short = ("/".join(parts[-n:]) for n in range(1, len(parts) + 1))
        found[name] = next((s for s in short if sum(f"/{other}".endswith(f"/{s}") for other in names) == 1), name)
    return found


def _flags(kernel: type[Machine], vmm: type[Machine], scope: Mapping[str, ScopeValue]) -> list[ApiFlags]:
    """The API flags to try: those that the kernel design knows and the VMM would set, unless the scope fixes them."""
    if isinstance(fixed := scope.get("flags"), ApiFlags):
        return [fixed]
    return [f for f in api_flags(kernel) if f in api_flags(vmm)]


def other_choices(cell: Cell) -> list[tuple[str, ScopeValue]]:
    """Each other value that a choice of its scope can have with its kernel and VMM."""
    parts = [cls for cls in cell.system.__bases__ if issubclass(cls, Machine)]
    kernel, vmm = (parts[list(ROLES).index(role)] for role in ("kernel", "vmm"))
    known: dict[str, Sequence[ScopeValue]] = {"ioapic": vmm.versions, "flags": _flags(kernel, vmm, {})}
    found = list[tuple[str, ScopeValue]]()
    for name, now in cell.scope.choices().items():
        values = known.get(name) or ([True, False] if isinstance(now, bool) else list(type(now)))
        found += [(name, value) for value in values if value != now]
    return found
