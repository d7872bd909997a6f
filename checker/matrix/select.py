"""What the names and files that a user gives stand for: designs, properties, and the cells to judge."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.engine.sizes import check_sizes
from checker.errors import UserError
from checker.matrix.cells import Cell, Skipped, matrix, short_names
from checker.matrix.lifting import is_patch
from checker.matrix.loader import load_design, load_properties, path_and_name, provenance
from checker.matrix.roles import (
    DEVICES,
    GUESTS,
    ROLES,
    VMMS,
    all_properties,
    default_devices,
    default_guests,
    default_vmms,
    designs,
    look_up,
    registered,
    role_of,
    special_roles,
    uapi_vmms,
    users_file,
)
from checker.matrix.scope import ScopeValue, parse_scope, scope_type
from checker.words import fold_names
from model.lang import Property
from model.machine import Machine


def grouped(skipped: Sequence[Skipped]) -> list[tuple[str, str]]:
    """(cells, why) for each reason, the cells once: `crosvm 0x11, {linux, xen}, level`."""
    of = dict[str, list[str]]()
    for cell in skipped:
        of.setdefault(cell.why, []).append(cell.title)
    return [(fold_names(list(dict.fromkeys(titles))), why) for why, titles in of.items()]


def nothing_text(skipped: Sequence[Skipped]) -> str:
    """Why a matrix has no cells."""
    reasons = [f"{why}: {titles}" for titles, why in grouped(skipped)]
    return "nothing to explore: " + ("; ".join(reasons) or "an option names nothing")


def is_path(argument: str) -> bool:
    return argument.endswith(".py") or ".py:" in argument or "/" in argument or is_patch(argument)


def find_role(role: str, name: str) -> type[Machine]:
    """A class for one role: registered, or in a file. Raises ModelError."""
    if not is_path(name):
        return registered(role, name)
    found = load_design(name)
    if role_of(found) != role:
        raise UserError(f"{name}: {found.__name__} is a {role_of(found)}, not a {role}")
    return found


def find_design(argument: str) -> tuple[str, type[Machine]]:
    """(name, class) of a registered design or of one in a file. Raises ModelError."""
    if is_path(argument):
        return argument, load_design(argument)
    others: Mapping[str, type[Machine]] = {**VMMS, **GUESTS, **DEVICES, **special_roles()}
    known = designs() if argument not in others else others
    return argument, look_up("design", argument, known)


def split(values: Iterable[str] | None, default: Sequence[str]) -> list[str]:
    """["a,b", "c"] -> [a, b, c]; the default where nothing was given."""
    return [v for value in values for v in value.split(",") if v] if values else list(default)


def find_properties(name: str) -> list[Property]:
    """The property of that name; or those of a file. Raises UserError."""
    return load_properties(name) if is_path(name) else [look_up("property", name, all_properties())]


def told_apart(asked: Iterable[Property]) -> list[Property]:
    """Each property once; where two have one name, or one of the user's has a registered one's, its name says its file."""
    once = {p.function: p for p in asked}
    everyone = {**{p.function: p for p in all_properties().values()}, **once}
    found = list[Property]()
    for function, p in once.items():
        namesakes = [f for f in everyone if f.__name__ == function.__name__]
        short = short_names({users_file(f) for f in namesakes}) if len(namesakes) > 1 else {}
        file = users_file(function)
        found.append(replace(p, called=f"{short[file]}:{function.__name__}") if file and short else p)
    return found


def known_properties(asked: Iterable[str] | None) -> dict[str, Property]:
    """The registered properties, and those of the files that --property names, by the names that tell them apart."""
    of_files = {str(path_and_name(name)[0]) for name in split(asked, []) if is_path(name)}
    return all_properties() | {p.name: p for p in told_apart(p for f in sorted(of_files) for p in load_properties(f))}


@dataclass(frozen=True)
class Selection:
    """What a user names: a design, by role who stands around it, properties, and a scope. None: what is not said. What the
    names stand for is looked up once. Raises UserError, Refused."""

    design: str
    roles: Mapping[str, Sequence[str] | None] = field(default_factory=dict[str, Sequence[str] | None])
    properties: Sequence[str] | None = None
    scope: str = ""

    @functools.cached_property
    def found(self) -> tuple[str, type[Machine]]:
        """The name and class of the design, which plays none of the roles that are named beside it."""
        name, cls = find_design(self.design)
        role = role_of(cls)
        if self.roles.get(role):
            raise UserError(f"{name} is a {role} already: --{role} cannot name another one")
        return name, cls

    @functools.cached_property
    def wanted(self) -> list[Property]:
        names = split(self.properties, self.found[1].default_roles.get("property", list(all_properties())))
        return told_apart(p for name in names for p in find_properties(name))

    @functools.cached_property
    def sizes(self) -> dict[str, ScopeValue]:
        """What is said of the scope."""
        return parse_scope(self.scope, scope_type([self.found[1]]))


def check_names(asked: Selection) -> None:
    """Raise UserError for what select() would not find, without making a system."""
    _ = asked.wanted, asked.sizes
    for role, names in asked.roles.items():
        for one in split(names, []):
            if (role, one) != ("device", "all"):
                find_role(role, one)


def select(
    asked: Selection, smaller: Mapping[str, ScopeValue] | None = None
) -> tuple[str, list[Cell], list[Skipped], list[Property]]:
    """The cells and properties that are meant. Raises UserError for unknown names and empty choices."""
    (name, cls), wanted = asked.found, asked.wanted
    own = cls.default_roles

    def of(role: str, default: Sequence[str]) -> list[str]:
        return split(asked.roles.get(role), own.get(role, default))

    alone = own or asked.roles.get("vmm") or asked.roles.get("guest")
    vmms, devices = of("vmm", default_vmms()), of("device", ["level"] if alone else default_devices())
    among = functools.partial(
        matrix, (name, cls), kernels=of("kernel", ["base"]), scope={**asked.sizes, **(smaller or {})}, find=find_role,
        chosen=[r for r in ROLES if asked.roles.get(r) or r in own or r == role_of(cls)],
    )  # fmt: skip
    found = among(
        vmms=vmms, guests=of("guest", default_guests(vmms)), devices=list(DEVICES) if devices == ["all"] else devices
    )
    if role_of(cls) == "kernel" and not alone and not asked.roles.get("device"):
        found += among(vmms=uapi_vmms(), guests=default_guests(uapi_vmms()), devices=["level"])
    cells = [c for c in found if isinstance(c, Cell)]
    skipped = [c for c in found if isinstance(c, Skipped)]
    if not cells:
        raise UserError(nothing_text(skipped))
    for cell in cells:  # before any of them is explored
        check_sizes(cell.system, cell.scope)
    if not asked.properties:  # those made for one VMM are asked where it occurs
        wanted = [p for p in wanted if not p.only_for or any(p.why_not(c.system) is None for c in cells)]
    return f"{role_of(cls)} design {name}: {provenance(cls)}", cells, skipped, wanted
