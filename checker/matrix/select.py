"""What the names and files that a user gives stand for: designs, properties, and the cells to judge."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checker.engine.sizes import check_sizes
from checker.errors import UserError
from checker.language.refusal import nearest
from checker.matrix.cells import Cell, Skipped, matrix, short_names
from checker.matrix.lifted_file import LiftedFile
from checker.matrix.loader import load_design, load_properties, path_and_name, provenance
from checker.matrix.roles import (
    DEVICES,
    FILES_END,
    GUESTS,
    ROLES,
    VMMS,
    all_properties,
    default_devices,
    default_guests,
    default_vmms,
    designs,
    is_patch,
    is_path,
    look_up,
    registered,
    role_of,
    special_roles,
    uapi_vmms,
    users_file,
)
from checker.matrix.scope import ScopeValue, own_sizes, scope_type
from checker.words import fold_names
from model.lang import Property
from model.machine import Machine

LIFTING = "checker.matrix.lifting"  # loaded only for a patch


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


def find_role(role: str, name: str) -> type[Machine]:
    """A class for one role: registered, or in a file. Raises ModelError."""
    return _load_role(role, name) if is_path(name) else registered(role, name)


def _load_role(role: str, name: str) -> type[Machine]:
    _, found = find_design(name)
    if role_of(found) != role:
        raise UserError(f"{name}: {found.__name__} is a {role_of(found)}, not a {role}")
    return found


def _lifted(patch: str) -> LiftedFile:
    """Raises UserError."""
    found: LiftedFile = importlib.import_module(LIFTING).lifted(patch)
    return found


def find_design(argument: str, beside: Mapping[str, object] | None = None) -> tuple[str, type[Machine]]:
    """(name, class) of a registered design or of one in a file; of a patch, of what it is in the model. beside: by role who
    is named to stand around it, where it plays none of these roles. Raises ModelError."""
    if is_patch(argument):
        found = load_design(str(_lifted(argument).path))
    elif is_path(argument):
        found = load_design(argument)
    else:
        found = _registered_design(argument)
    if beside and beside.get(role_of(found)):
        raise UserError(f"{argument} is a {role_of(found)} already: --{role_of(found)} cannot name another one")
    return argument, found


def _registered_design(name: str) -> type[Machine]:
    """Raises UserError; of a name with a file's ending what is the matter with the file, of a property's that it is one."""
    others: Mapping[str, type[Machine]] = {**VMMS, **GUESTS, **DEVICES, **special_roles()}
    known = designs() if name not in others else others
    ends = re.search(r"\.[A-Za-z]\w*$", name) is not None
    if name in all_properties():
        raise UserError(f"{name!r} is a property, and this has to be a design: `eoi list designs` names them all")
    if ends and Path(name).is_file():
        return load_design(name)
    if ends and not nearest(name, known):
        raise UserError(f"{name}: no such file, and no design is called so; {FILES_END}")
    return look_up("design", name, known)


def split(values: Iterable[str] | None, default: Sequence[str]) -> list[str]:
    """["a,b", "c"] -> [a, b, c]; the default where nothing was given."""
    return [v for value in values for v in value.split(",") if v] if values else list(default)


def those_of(option: str, values: Sequence[str]) -> list[str]:
    """What an option names. Raises UserError for none: `--guest ,`."""
    found = split(values, [])
    if not found:
        raise UserError(f"--{option} {','.join(values)}: this names nothing")
    return found


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
    """What the names and files of a command line stand for: a design, who stands around it, properties, and a scope."""

    name: str
    cls: type[Machine]
    lifted: LiftedFile | None  # if the design is a patch
    named: Mapping[str, Mapping[str, type[Machine]]]  # those around it, of the roles of which any are named
    wanted: Sequence[Property]
    properties: Sequence[str]  # as --property named them: then also those are asked that are made for one VMM only
    sizes: Mapping[str, ScopeValue]  # what is said of the scope
    not_read: Sequence[str] = ()  # functions of a kernel tree that the base's stand for


def selection(
    design: str, roles: Mapping[str, Sequence[str] | None] | None = None, properties: Sequence[str] | None = None,
    scope: str = "", beside: type[Machine] | None = None,
) -> Selection:  # fmt: skip
    """Everything is looked up here, once, without making a system. None: what is not said. beside: who is compared with it, and may
    have choices of its own, of which the scope speaks. Raises UserError, Refused."""
    given = {role: those_of(role, names) for role, names in (roles or {}).items() if names}
    said = those_of("property", properties) if properties else []
    name, cls = find_design(design, roles)
    lifted = _lifted(design) if is_patch(design) else None
    asked = said if properties else list(cls.default_roles.get("property", all_properties()))
    wanted = told_apart(
        p for n in asked for p in (load_properties(n) if is_path(n) else [look_up("property", n, all_properties())])
    )
    every = {"device": DEVICES} if "all" in given.get("device", ()) else {}
    named = {
        role: {n: _load_role(role, n) if is_path(n) else registered(role, n) for n in names}
        for role, names in given.items() if role not in every
    }  # fmt: skip
    sizes = own_sizes(scope, scope_type([cls]), scope_type([beside] if beside else []))
    return Selection(name, cls, lifted, {**named, **every}, wanted, said, sizes)


def select(
    asked: Selection, smaller: Mapping[str, ScopeValue] | None = None
) -> tuple[str, list[Cell], list[Skipped], list[Property]]:
    """The cells and properties that are meant. Raises UserError for empty choices."""
    cls, named, own, wanted = asked.cls, asked.named, asked.cls.default_roles, list(asked.wanted)

    def of(role: str, default: Collection[str]) -> Collection[str]:
        return named[role] if role in named else own.get(role, default)

    alone = own or "vmm" in named or "guest" in named
    vmms, devices = of("vmm", default_vmms()), of("device", ["level"] if alone else default_devices())
    among = functools.partial(
        matrix, (asked.name, cls), kernels=of("kernel", ["base"]), scope={**asked.sizes, **(smaller or {})},
        chosen=[r for r in ROLES if r in named or r in own or r == role_of(cls)],
    )  # fmt: skip
    found = among(vmms=vmms, guests=of("guest", default_guests(vmms)), devices=devices)
    if role_of(cls) == "kernel" and not alone and "device" not in named:
        found += among(vmms=uapi_vmms(), guests=default_guests(uapi_vmms()), devices=["level"])
    cells = [c for c in found if isinstance(c, Cell)]
    skipped = [c for c in found if isinstance(c, Skipped)]
    if not cells:
        raise UserError(nothing_text(skipped))
    for cell in cells:  # before any of them is explored
        check_sizes(cell.system, cell.scope)
    if not asked.properties:  # those made for one VMM are asked where it occurs
        wanted = [p for p in wanted if not p.only_for or any(p.why_not(c.system) is None for c in cells)]
    return f"{role_of(cls)} design {asked.name}: {provenance(cls)}", cells, skipped, wanted
