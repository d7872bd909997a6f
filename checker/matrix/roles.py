"""Who plays which role: the registered kernels, VMMs, guests and devices by name, and the properties."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import ModuleType
from typing import TypeVar

import model.bugs
import model.devices
import model.features
import model.guests
import model.lines
import model.vmms
import properties
from checker.errors import UserError
from checker.language.refusal import did_you_mean
from checker.language.source import USERS_MODULE
from model.devices import Device
from model.guests.guest import OwnBoot
from model.guests.lapic_guest import LapicGuest
from model.kvm import Kvm
from model.lang import Design, Property
from model.machine import Machine
from model.vmms.vmm import Vmm

ROLES: dict[str, tuple[type, ...]] = {
    "kernel": (Kvm,), "vmm": (Vmm,), "guest": (OwnBoot, LapicGuest), "device": (Device,),
}  # fmt: skip


def _modules(folder: ModuleType) -> Sequence[str]:
    """The modules in a folder of the model and in those below it; a module that is no folder is itself."""
    return _modules_in(folder.__name__)


@functools.cache
def _modules_in(folder: str) -> Sequence[str]:
    path = getattr(sys.modules[folder], "__path__", None)
    below = pkgutil.walk_packages(path or (), f"{folder}.")
    return [m.name for m in below if not m.ispkg] if path else [folder]


@functools.cache
def _classes_of(module: str) -> dict[str, type[Machine]]:
    """The classes that a module defines, by the names that they give themselves, or else their own in snake case."""
    found = dict[str, type[Machine]]()
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and value.__module__ == module and issubclass(value, Machine):
            of_class = re.sub(r"(?<!^)(?=[A-Z])", "_", value.__name__).lower()
            found[vars(value).get("called") or of_class] = value
    return found


def family(role: str, folder: ModuleType) -> dict[str, type[Machine]]:
    """The members of a role by name, those of the folder's ORDER first: its classes that leave nothing of theirs abstract."""
    found = dict[str, type[Machine]]()
    for name, cls in ((name, cls) for module in _modules(folder) for name, cls in _classes_of(module).items()):
        own = {n for base in cls.__mro__ if issubclass(base, ROLES[role]) for n in vars(base)}
        abstract = any(getattr(getattr(cls, n), "__isabstractmethod__", False) for n in own)
        if own and not abstract and vars(cls).get("called", "") is not None:
            found[name] = cls
    return {name: found[name] for name in (*getattr(folder, "ORDER", ()), *found)}


VMMS, GUESTS = family("vmm", model.vmms), family("guest", model.guests)
DEVICES = {**family("device", model.devices), **family("device", model.lines)}
ON_REQUEST = frozenset(name for name, cls in (VMMS | GUESTS | DEVICES).items() if cls.on_request)


def default_vmms() -> list[str]:
    """The VMMs of the default matrix."""
    return [name for name in VMMS if name not in ON_REQUEST]


def uapi_vmms() -> list[str]:
    """The VMMs on request that the default matrix of a kernel has all the same."""
    return [name for name, cls in VMMS.items() if name in ON_REQUEST and getattr(cls, "asked_of_kernels", False)]


def default_guests(vmms: Collection[str]) -> list[str]:
    """The guests of the default matrix; where only VMMs on request are, the guest that suits them."""
    return ["lapic"] if ON_REQUEST.issuperset(vmms) else [name for name in GUESTS if name not in ON_REQUEST]


def default_devices() -> list[str]:
    """The devices of the default matrix: level lines, and what has its cells named."""
    return ["level", *(name for name, cls in DEVICES.items() if cls.meets)]


def role_sentence(cls: type[Machine], family: Mapping[str, type[Machine]]) -> str:
    """What it is: the first paragraph of its docstring; of a module's only member of its family, of the module's."""
    alone = [other.__module__ for other in family.values()].count(cls.__module__) == 1
    about = inspect.getdoc(inspect.getmodule(cls) if alone else cls)
    return " ".join((about or "").partition("\n\n")[0].split())


def keep_company(roles: Mapping[str, type[Design]], chosen: Collection[str] = ()) -> bool:
    """Does the default matrix have these together? A class of the user's counts as the registered one that it stands on, or
    as everybody's company. chosen: roles whose members were named, who meet each other whatever they say."""
    families = {"vmm": VMMS, "guest": GUESTS, "device": DEVICES}
    for role, cls in roles.items():
        for other, company in getattr(cls, "meets", {}).items():
            if other not in roles:
                continue
            names = {registered: name for name, registered in families[other].items()}
            stands_on = next((names[base] for base in roles[other].__mro__ if base in names), None)
            if stands_on is not None and stands_on not in company and not (role in chosen and other in chosen):
                return False
    return True


def _design_modules() -> list[str]:
    """Modules of folders called `designs`: model/designs, and those of families of their own."""
    found = [m for m in _modules(model) if m.rpartition(".")[0].endswith(".designs")]
    return sorted(found, key=lambda m: m.rpartition(".")[2])


def designs() -> dict[str, type[Machine]]:
    """Every registered design by name: the last class of each module of a folder `designs`."""
    return {m.rpartition(".")[2]: list(_classes_of(m).values())[-1] for m in _design_modules()}


def home_of(name: str) -> str:
    """The module of the model to import a name from: where it is defined; "" if the model has no such name."""
    modules = ("model.lang", "model.machine", *_design_modules(), *_modules(model))
    homes = [m for m in modules if name in vars(importlib.import_module(m))]
    return next((m for m in homes if getattr(vars(sys.modules[m])[name], "__module__", "") == m), "") or "".join(
        homes[:1]
    )


def mutants() -> dict[str, type[Machine]]:
    """Historical bugs (model/bugs), and the features that they need (model/features)."""
    modules = [module for folder in (model.features, model.bugs) for module in _modules(folder)]
    return {name: cls for module in modules for name, cls in _classes_of(module).items()}


def special_roles() -> dict[str, type[Machine]]:
    """Classes that only some designs are explored with, which name them in default_roles: what bugs need, and what stands
    beside the designs of a family of its own."""
    families = {m.partition(".designs.")[0] for m in _design_modules()} - {model.__name__}
    beside = [m for m in _modules(model) if m.rpartition(".")[0] in families]
    return {**mutants(), **{name: cls for module in beside for name, cls in _classes_of(module).items()}}


@functools.cache
def _registered_properties() -> Mapping[str, Property]:
    found = dict[str, Property]()
    for module in pkgutil.iter_modules(properties.__path__):
        for value in vars(importlib.import_module(f"properties.{module.name}")).values():
            if isinstance(value, Property):
                found[value.name] = value
    return {name: p.with_premise(found) for name, p in found.items()}


def all_properties() -> dict[str, Property]:
    """Every property of the properties package by name, in order of definition."""
    return dict(_registered_properties())


def registered(role: str, name: str) -> type[Machine]:
    """The registered class of a role. Raises UserError with the nearest valid name."""
    return look_up(role, name, _members(role))


def registered_base(design: type[Machine]) -> tuple[str, type[Machine]] | None:
    """(name, class) of what a class of the user's stands on; None for the project's own."""
    return stands_on(design) if users_file(design) else None


def stands_on(design: type[Machine]) -> tuple[str, type[Machine]] | None:
    """(name, class) of the nearest registered class above one; None if there is none."""
    names = _names(role_of(design))
    found = next((cls for cls in design.__mro__[1:] if cls in names), None)
    return None if found is None else (names[found], found)


def registered_name(design: type[Machine]) -> str:
    return _names(role_of(design))[design]


def _names(role: str) -> dict[type[Machine], str]:
    return {cls: name for name, cls in _members(role).items()}


def _members(role: str) -> dict[str, type[Machine]]:
    families: dict[str, Mapping[str, type[Machine]]] = {
        "kernel": designs(), "vmm": VMMS, "guest": GUESTS, "device": DEVICES,
    }  # fmt: skip
    return {**families[role], **_special(role)}


def _special(role: str) -> dict[str, type[Machine]]:
    return {name: cls for name, cls in special_roles().items() if issubclass(cls, ROLES[role])}


def is_path(argument: str) -> bool:
    """Does it name a file of the user's? Else it is the name of something registered."""
    return argument.endswith(".py") or ".py:" in argument or "/" in argument or is_patch(argument)


def is_patch(argument: str) -> bool:
    """By its name: `x.patch`, `thread.txt:2` (its second diff), `-`; `1.eml+2.eml`, a series; `x.patch:R`, taken away."""
    return SERIES.fullmatch(argument) is not None


def series_of(argument: str) -> tuple[list[str], bool]:
    """The patches that it names, in their order, and whether they are taken away; what is none is one name."""
    named = SERIES.fullmatch(argument)
    if named is None:
        return [argument], False
    return [found[0] for found in FIRST.finditer(named[1])], bool(named[2])


T = TypeVar("T")
PATCHES = ("patch", "diff", "mbox", "eml", "txt")
PYTHON_ENDS = "a file of Python ends in .py"
FILES_END = f"{PYTHON_ENDS}, a patch in .{', .'.join(PATCHES)}"
_FILE = rf".*?\.(?:{'|'.join(PATCHES)})"
PATCH = re.compile(rf"({_FILE})(?::(\d+))?", re.DOTALL)  # the file, and which of its diffs
_ONE = rf"(?:-|{_FILE}(?::\d+)?)"
SERIES = re.compile(rf"({_ONE}(?:\+{_ONE})*)(:R)?", re.DOTALL)
FIRST = re.compile(rf"(?<![^+]){_ONE}(?=\+|\Z)", re.DOTALL)
ALIASES = {"merged": "v6"}  # other names of designs, for the command line only: the matrix has each design once


def look_up(kind: str, name: str, known: Mapping[str, T], if_none_is_near: str = "") -> T:
    """known[name], or what the alias `name` stands for. Raises UserError with the nearest valid name, or else where all
    are named."""
    if name not in known and ALIASES.get(name) in known:
        name = ALIASES[name]
    if name not in known:
        listed = {"property": "properties", "kernel": "designs"}.get(kind, f"{kind}s")
        where = (
            if_none_is_near or f"`eoi list {listed}` names them all; {PYTHON_ENDS if kind == 'property' else FILES_END}"
        )
        raise UserError(f"unknown {kind} {name!r}: {did_you_mean(name, known) or _by_number(name, known) or where}")
    return known[name]


def _by_number(name: str, known: Iterable[str]) -> str:
    """`v7` is near `v6`, though half of its letters are others: of the same letters, the nearest number."""
    letters = name.rstrip("0123456789")
    numbers = {
        k: int(k[len(letters) :]) for k in known if letters and re.fullmatch(re.escape(letters) + r"[0-9]{1,9}", k)
    }
    if not numbers or not 0 < len(name) - len(letters) < 10:
        return ""
    near = min(numbers, key=lambda k: abs(numbers[k] - int(name[len(letters) :])))
    return f"did you mean {near!r}?"


def users_file(defined: type | Callable[..., object]) -> str:
    """The file of the user's that a class or function is in, as it was named; "" for the project's own."""
    module = sys.modules.get(defined.__module__)
    return str(module.__file__) if module is not None and defined.__module__.startswith(USERS_MODULE) else ""


def role_of(design: type[Design]) -> str:
    """Which role a class plays: kernel, vmm, guest or device. Raises UserError if none, or several."""
    played = [role for role, bases in ROLES.items() if issubclass(design, bases)]
    if len(played) > 1:
        raise UserError(
            f"{design.__name__} mixes the roles {' and '.join(played)}: write one class for each, and pass each by its "
            "option (--kernel, --vmm, --guest, --device)"
        )
    if not played:
        raise UserError(f"{design.__name__} is no kernel, VMM, guest or device: derive it from a registered design")
    return played[0]
