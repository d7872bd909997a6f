"""Who plays which role: the registered kernels, VMMs, guests and devices by name, and the properties."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import model.bugs
import model.designs
import model.features
import properties
from checker.errors import UserError
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
from model.lang import Design, Property
from model.machine import Machine
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
    """Historical bugs (model/bugs), and the features that they need (model/features)."""
    folders = (model.features, model.bugs)
    modules = [f"{of.__name__}.{module.name}" for of in folders for module in pkgutil.iter_modules(of.__path__)]
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


def premise_of(p: Property) -> Property | None:
    """What a property's premise names: one of its own file, or else a registered one."""
    own = p.function.__globals__.get(p.premise)
    return own if isinstance(own, Property) else all_properties().get(p.premise)


def registered(role: str, name: str) -> type[Machine]:
    """The registered class of a role. Raises UserError with the nearest valid name."""
    families: dict[str, Mapping[str, type[Machine]]] = {
        "kernel": designs(), "vmm": VMMS, "guest": GUESTS, "device": DEVICES,
    }  # fmt: skip
    return look_up(role, name, {**families[role], **_special(role)})


def _special(role: str) -> dict[str, type[Machine]]:
    return {name: cls for name, cls in special_roles().items() if issubclass(cls, ROLES[role])}


T = TypeVar("T")
ALIASES = {"merged": "v6"}  # other names of designs, for the command line only: the matrix has each design once


def look_up(kind: str, name: str, known: Mapping[str, T], if_none_is_near: str = "") -> T:
    """known[name], or what the alias `name` stands for. Raises UserError with the nearest valid name, or else where all
    are named."""
    if name not in known and ALIASES.get(name) in known:
        name = ALIASES[name]
    if name not in known:
        listed = {"property": "properties"}.get(kind, f"{kind}s")
        where = if_none_is_near or f"`eoi list {listed}` names them all; a file ends in .py"
        raise UserError(f"unknown {kind} {name!r}: {did_you_mean(name, known) or where}")
    return known[name]


USERS_MODULE = "eoi_user_"  # what checker.matrix.loader calls the module of a file of the user's


def users_file(defined: type | Callable[..., Any]) -> str:
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
