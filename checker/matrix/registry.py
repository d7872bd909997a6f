"""The names on the command line: designs, VMMs, guests, devices, properties; and the matrix that they span."""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import model.bugs
import model.designs
import properties
from checker.errors import UserError
from checker.language.hints import type_hints
from checker.language.refusal import did_you_mean
from model.devices import Device, Edge, Level, Mixed, Resample
from model.guests.any_guest import AnyGuest
from model.guests.freebsd import FreeBsd
from model.guests.guest import Guest
from model.guests.illumos import Illumos
from model.guests.lapic_guest import LapicGuest
from model.guests.linux import Linux
from model.guests.linux_affinity import LinuxAffinity, LinuxMovesInService
from model.guests.linux_explicit_eoi import LinuxIr, LinuxTmr0
from model.guests.threaded import Broken, LinuxThreaded, Sel4
from model.guests.windows_cg import WindowsCg
from model.guests.xen import Xen
from model.kvm import Kvm
from model.lang import Design, Property, compose
from model.machine import ApiFlags, IoapicVersion, Machine, Scope
from model.vmms.any_vmm import AnyVmm
from model.vmms.cloud_hypervisor import CloudHypervisor
from model.vmms.crosvm import Crosvm
from model.vmms.kernel_irqchip import KernelIrqchip, QemuKernelIrqchip
from model.vmms.msr_vmm import MsrVmm
from model.vmms.no_ioapic import NoIoapic
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from model.vmms.setup_vmm import SetupVmm
from model.vmms.two_ioapics import TwoIoapics
from model.vmms.vmm import Vmm

VMMS: dict[str, type[Machine]] = {
    "qemu": Qemu, "openvmm": Openvmm, "firecracker": KernelIrqchip, "any_vmm": AnyVmm, "setup_vmm": SetupVmm,
    "msr_vmm": MsrVmm,
    "cloud_hypervisor": CloudHypervisor, "crosvm": Crosvm, "no_ioapic": NoIoapic, "two_ioapics": TwoIoapics,
    "qemu_kernel_irqchip": QemuKernelIrqchip,
}  # fmt: skip
GUESTS: dict[str, type[Machine]] = {
    "linux": Linux, "windows_cg": WindowsCg, "xen": Xen, "any": AnyGuest, "lapic": LapicGuest,
    "linux_threaded": LinuxThreaded, "linux_tmr0": LinuxTmr0, "linux_ir": LinuxIr, "linux_affinity": LinuxAffinity,
    "linux_moves_in_service": LinuxMovesInService, "sel4": Sel4, "freebsd": FreeBsd, "illumos": Illumos, "broken": Broken,
}  # fmt: skip
# Not in the default matrix: made for KVM's uAPI, for one question (what two chips on one GSI do; what is left without
# any), or for a guest that is broken on purpose.
ON_REQUEST = frozenset({"any_vmm", "setup_vmm", "msr_vmm", "lapic", "two_ioapics", "no_ioapic", "broken"})
DEVICES: dict[str, type[Machine]] = {"level": Level, "edge": Edge, "mixed": Mixed, "resample": Resample}
ROLES: dict[str, tuple[type, ...]] = {
    "kernel": (Kvm,), "vmm": (Vmm,), "guest": (Guest, LapicGuest), "device": (Device,),
}  # fmt: skip


def default_vmms() -> list[str]:
    """The VMMs of the default matrix."""
    return [name for name in VMMS if name not in ON_REQUEST]


def default_guests(vmms: Sequence[str]) -> list[str]:
    """The guests of the default matrix; where only VMMs on request are, the guest that suits them."""
    return ["lapic"] if ON_REQUEST.issuperset(vmms) else [name for name in GUESTS if name not in ON_REQUEST]


def designs() -> dict[str, type[Machine]]:
    """Every registered design by name: the last class of each module of model/designs."""
    found = {}
    for module in pkgutil.iter_modules(model.designs.__path__):
        classes = vars(importlib.import_module(f"model.designs.{module.name}")).values()
        own = [c for c in classes if isinstance(c, type) and c.__module__ == f"model.designs.{module.name}"]
        found[module.name] = [c for c in own if issubclass(c, Machine)][-1]
    return found


def mutants() -> dict[str, type[Machine]]:
    """Every class of model/bugs: historical bugs, and the features that they need."""
    modules = [f"model.bugs.{module.name}" for module in pkgutil.iter_modules(model.bugs.__path__)]
    return {name: cls for module in modules for name, cls in _classes_of(module).items()}


def special_roles() -> dict[str, type[Machine]]:
    """Classes that only some designs are explored with: they name them in default_roles."""
    return {**mutants(), **_classes_of("model.cpuid")}


@functools.cache
def _classes_of(module: str) -> dict[str, type[Machine]]:
    """The classes that a module defines, by their names in snake case."""
    found = dict[str, type[Machine]]()
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and value.__module__ == module and issubclass(value, Machine):
            found[re.sub(r"(?<!^)(?=[A-Z])", "_", value.__name__).lower()] = value
    return found


def all_properties() -> dict[str, Property]:
    """Every property of the properties package by name, in order of definition."""
    found = {}
    for module in pkgutil.iter_modules(properties.__path__):
        for value in vars(importlib.import_module(f"properties.{module.name}")).values():
            if isinstance(value, Property):
                found[value.name] = value
    return found


def registered(role: str, name: str) -> type[Machine]:
    """The registered class of a role. Raises UserError with the nearest valid name."""
    families: dict[str, Mapping[str, type[Machine]]] = {
        "kernel": designs(), "vmm": VMMS, "guest": GUESTS, "device": DEVICES,
    }  # fmt: skip
    found: type[Machine] = look_up(role, name, {**families[role], **_special(role)})
    return found


ALIASES = {"merged": "v6"}  # other names of designs, for the command line only: the matrix has each design once


def look_up(kind: str, name: str, known: Mapping[str, Any], if_none_is_near: str = "") -> Any:
    """known[name], or what the alias `name` stands for. Raises UserError with the nearest valid name, or else where all
    are named."""
    if name not in known and ALIASES.get(name) in known:
        name = ALIASES[name]
    if name not in known:
        listed = {"property": "properties"}.get(kind, f"{kind}s")
        where = if_none_is_near or f"`eoi list {listed}` names them all; a file ends in .py"
        raise UserError(f"unknown {kind} {name!r}: {did_you_mean(name, known) or where}")
    return known[name]


LARGEST_SIZE = 64  # a Mask is a machine word
USERS_MODULE = "eoi_user_"  # what checker.matrix.loader calls the module of a file of the user's


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


def check_roles(roles: Sequence[type[Machine]]) -> None:
    """Raise UserError if a class of the user's restates a function that another role of the system provides."""
    owners: dict[str, type] = {}
    for role in roles:
        for cls in role.__mro__:
            if not issubclass(cls, Machine) or cls is Machine:
                continue
            for name, value in vars(cls).items():
                prototype = getattr(value, "__isabstractmethod__", False)
                if not inspect.isfunction(value) or prototype or name == "initial":
                    continue
                other = owners.setdefault(name, role)
                if other is not role and any(r.__module__.startswith(USERS_MODULE) for r in (role, other)):
                    raise UserError(
                        f"{name}() is a function of the {role_of(role)} ({role.__name__}), but {other.__name__}, a "
                        f"{role_of(other)}, restates it: patch it in a class of that role"
                    )


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


def _special(role: str) -> dict[str, type[Machine]]:
    return {name: cls for name, cls in special_roles().items() if issubclass(cls, ROLES[role])}


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


def flag_lines(kernels: Mapping[str, type[Design]], shown: Collection[ApiFlags] = tuple(ApiFlags)) -> list[str]:
    """What these kernel designs call the bits of the flags: `BIT2 is KVM_X2APIC_ENABLE_... in v4, v5`."""
    found: dict[tuple[ApiFlags, str], dict[str, None]] = {}
    for kernel, cls in kernels.items():
        for bit, name in getattr(cls, "flag_names", {}).items():
            if any(bit.value & flags.value for flags in shown):
                found.setdefault((bit, name), {})[kernel] = None
    ordered = sorted(found.items(), key=lambda item: item[0][0].value)
    return [f"{bit.name} is {name} in {', '.join(names)}" for (bit, name), names in ordered]


def scope_type(roles: Sequence[type[Machine]]) -> type[Scope]:
    """The scope of a system: Scope, or what one of its classes adds to it (`scope: MyScope`). Raises UserError."""
    wider = {hint for role in roles for hint in [_annotated_scope(role)] if inspect.isclass(hint)}
    found = [of for of in wider if issubclass(of, Scope) and not any(o is not of and issubclass(o, of) for o in wider)]
    if len(found) > 1:
        raise UserError(
            f"the scopes {' and '.join(sorted(of.__name__ for of in found))} cannot be mixed: derive one of the other"
        )
    return found[0] if found else Scope


def _annotated_scope(role: type[Machine]) -> Any:
    try:
        return type_hints(role).get("scope")
    except (NameError, TypeError, SyntaxError):  # told with its line when the class is lowered
        return None


def parse_scope(text: str, of: type[Scope] = Scope) -> dict[str, Any]:
    """ "cpus=1,ioapic=0x20,throttle=on" -> typed values. Raises UserError for unknown names and bad values."""
    values: dict[str, Any] = {}
    defaults = vars(of())
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"--scope takes NAME=VALUE,...: {part!r} has no '='")
        values[name] = _scope_value(name, value, look_up("scope name", name, defaults))
    return values


def _scope_value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        options = {"on": True, "off": False, "1": True, "0": False, "true": True, "false": False}
        return look_up(f"value of {name}", text.lower(), options)
    try:
        number = int(text, 0)
    except ValueError:
        number = None
    if isinstance(default, Enum):
        by_name = {m.name: m for m in type(default)}
        by_value = {m.value: m for m in type(default)}
        if number in by_value:
            return by_value[number]
        if text in by_name:
            return by_name[text]
        valid = f"{', '.join(f'{v:#x}' for v in by_value)}; by name {', '.join(by_name)}"
        known = flag_lines(designs()) if type(default) is ApiFlags else []
        raise UserError("\n     ".join([f"--scope {name}={text}: valid values are {valid}", *known]))
    if number is None or not 1 <= number <= LARGEST_SIZE:
        raise UserError(f"--scope {name}={text}: a number from 1 to {LARGEST_SIZE} is needed")
    return number


def scope_value(value: Any) -> str:
    """A value of the scope as --scope reads it back."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return f"{value.value:#x}" if isinstance(value.value, int) else value.name
    return str(value)
