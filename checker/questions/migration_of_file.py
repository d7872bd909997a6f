"""`eoi migrations FILE`: a VMM's or kernel's design of the user's in the migration tables of what it stands on.

A VM moves: it is powered on in one QEMU and kernel, and loaded into others. What then becomes of the fields that a design
adds, the model cannot guess; and a function that the migrating classes have, too, would hide the user's. Both are refused,
with the hook that says it: docs/commands.md lists the hooks.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from checker.errors import UserError
from checker.language.classes import field_loc, text_of
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, loc_of
from checker.language.source import definition_of
from checker.matrix.cells import Cell
from checker.matrix.roles import GUESTS, designs, is_path, role_of, users_file
from checker.matrix.select import find_design
from checker.matrix.system import system_of
from checker.questions.migration_table import KERNELS, OPERATIONS, Entry, Table, cell_of, moved, tables
from model.devices import Level
from model.lang import Design
from model.machine import Machine
from model.migration import HostKernel
from model.vmms.qemu import Qemu
from model.vmms.qemu_vmstate import QemuVmstate

SERIES = ("qemu_seoib_property", "qemu_rfc_v2", "qemu_rfc_v1")  # the most derived first
POLICY = ("enable_capabilities", "runstate_inmigrate", "seoib_policy", "x86_seoib_needed", "x86_seoib_post_load")
VMSTATE = "QemuVmstate (model.vmms.qemu_vmstate), or a design of the series"
HOOKS = {"vmm": "x86_machine_init", "kernel": "kvm_create_vm"}  # what says what its own fields are on the other host


def tables_of(argument: str) -> dict[str, Table]:
    """The tables of a registered design or of one in a file. Raises UserError or Refused (both exit code 2)."""
    name, cls = find_design(argument)
    role = role_of(cls)
    if role not in HOOKS:
        raise UserError(f"{name} is a {role}: `eoi migrations` takes a VMM or a kernel")
    (_check_vmm if role == "vmm" else _check_kernel)(cls)
    if role == "vmm":
        of = [replace(t, design=name) for t in tables().values() if t.design == _vmm_of(cls)]
    else:
        of = [replace(t, kernel=name) for t in tables().values() if t.kernel == _kernel_of(cls)]
    found = {t.name: replace(t, file=argument, classes={role: cls}) for t in of}
    for table in found.values():
        _check_functions(cls, role, table)
    return found


def _vmm_of(cls: type[Machine]) -> str:
    """Whose tables a VMM is in: with the hosts of the series if it is of the series, or says itself what it sends."""
    known = designs()
    of = next((name for name in SERIES if issubclass(cls, known[name])), "")
    sends = any(name in vars(c) for c in _own(cls) for name in POLICY)
    return of or ("qemu_rfc_v2" if sends else "qemu")


def _kernel_of(cls: type[Machine]) -> str:
    """Whose tables a kernel is in: those of the merged one, unless it stands on v3."""
    return next((name for name in KERNELS if issubclass(cls, designs()[name])), "v6")


def _own(cls: type) -> list[type]:
    """The classes that the user wrote, the most derived first."""
    return [c for c in cls.__mro__ if users_file(c)]


def _functions(cls: type) -> Iterator[tuple[type, str, Callable[..., object]]]:
    for owner in _own(cls):
        for name, function in vars(owner).items():
            if inspect.isfunction(function):
                yield owner, name, function


def _place(cls: type) -> Loc:
    node, file = text_of(cls) or (None, "")
    return loc_of(node, file) if node is not None else Loc(users_file(cls) or cls.__module__, 1)


def _check_vmm(cls: type[Machine]) -> None:
    if not issubclass(cls, Qemu):
        raise Refused(
            _place(cls), f"{cls.__name__} is no QEMU, and what is modelled of a migration is QEMU's",
            f"derive from Qemu for a change of its I/O APIC; else from {VMSTATE}",
        )  # fmt: skip
    _check_fields(cls, "vmm")


def _check_kernel(cls: type[Machine]) -> None:
    known = designs()
    if not issubclass(cls, (HostKernel, *(known[name] for name in KERNELS))):
        raise Refused(
            _place(cls), f"{cls.__name__} stands on neither {' nor '.join(KERNELS)}, so nobody says what a new VM has of it",
            "add a class that derives from HostKernel (model.migration) and from it, with kvm_create_vm() and "
            "suppression_honoured()",
        )  # fmt: skip
    for hook in ("kvm_create_vm", "suppression_honoured"):
        if issubclass(cls, HostKernel) and getattr(getattr(cls, hook), "__isabstractmethod__", False):
            raise Refused(_place(cls), f"{cls.__name__} has no {hook}()", _near(cls, hook))
    _check_fields(cls, "kernel")


def _base(cls: type[Machine], role: str) -> str:
    """What a class with the hooks derives from."""
    if role == "vmm":
        return VMSTATE
    host = next((KERNELS[name] for name in KERNELS if issubclass(cls, designs()[name])), HostKernel).__name__
    return f"{host} (model.migration) and yours: class MyHost({host}, {cls.__name__})"


def _near(cls: type, hook: str) -> str:
    """The function of the user's that was perhaps meant to be the hook, or how to write it."""
    names = [name for _, name, _ in _functions(cls) if not hasattr(Machine, name)]
    near = did_you_mean(hook, [n for n in names if did_you_mean(hook, [n]).startswith("did you mean")])
    return (
        f"is {near.removeprefix('did you mean ').rstrip('?')} meant to be it?"
        if near
        else f"write def {hook}(self, ...)"
    )


def _check_fields(cls: type[Machine], role: str) -> None:
    """A field of the user's own must be said what it is in the new process or VM."""
    hook = HOOKS[role]
    if any(name == hook for _, name, _ in _functions(cls)):
        return
    for owner in _own(cls):
        for name, hint in vars(owner).get("__annotations__", {}).items():
            text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
            if "ClassVar" in text or name == "scope" or hasattr(Design, name):
                continue
            near = _near(cls, hook)
            how = near if near.startswith("is ") else f"write {hook}() in a class that derives from {_base(cls, role)}"
            raise Refused(
                field_loc(owner, name) or _place(owner),
                f"{cls.__name__} adds the field {name!r} and has no {hook}(), so nobody says what it is after a migration", how,
            )  # fmt: skip


def _check_functions(cls: type[Machine], role: str, table: Table) -> None:
    """Refuse a function of the user's that a class of the migration hides."""
    known: Mapping[str, type[Machine]] = {"qemu": Qemu, **designs()}
    kernel = cls if role == "kernel" else known[table.kernel]
    vmm = cls if role == "vmm" else known[table.design]
    system = system_of(*moved([kernel, vmm, GUESTS["linux"], Level]))
    for owner, name, function in _functions(cls):
        for hides in system.__mro__:
            if hides is owner or (users_file(hides) and name in vars(hides)):
                break
            if name in vars(hides) and not _calls_super(vars(hides)[name], name):
                base = _base(cls, role) if issubclass(QemuVmstate, hides) or role == "kernel" else ""
                raise Refused(
                    loc_of(definition_of(function), function.__code__.co_filename),
                    f"{name}() is never called in a migration: {hides.__name__} ({hides.__module__}) has its own",
                    f"derive from {base}, and write it there" if base else "what differs on the two hosts is decided there",
                )  # fmt: skip


def _calls_super(function: Callable[..., object], name: str) -> bool:
    """Does a function call the one that it restates?"""
    return any(
        isinstance(n, ast.Attribute) and n.attr == name and ast.unparse(n.value) == "super()"
        for n in ast.walk(definition_of(function))
    )


def commands_of(cell: Cell) -> list[str]:
    """The commands that tell of a cell: one for each pair of hosts and operation that is this cell."""
    of = [cell.names["kernel"], cell.names["vmm"]]
    sizes = {name: getattr(cell.scope, name) for name in ("cpus", "pins", "vectors")}
    found = list[str]()
    files = [name for name in of if is_path(name)]
    known = [t for name in files for t in tables_of(name).values()] if files else list(tables().values())
    for table in (t for t in known if [t.kernel, t.design] == of and cell.names["guest"] in t.guests):
        hosts = list(enumerate(table.hosts, 1))
        for operation, (source, here), (to, there) in itertools.product(OPERATIONS, hosts, hosts):
            own = cell_of(table, cell.names["guest"], here, there, operation)
            if replace(own.scope, **sizes) == cell.scope:
                found.append(table.tell_command(f"{table.name}:{source}:{to}:{operation.name.lower()}"))
    return found


def beside(found: Mapping[str, Sequence[Entry]], base: Mapping[str, Sequence[Entry]]) -> list[str]:
    """In which cells the user's design does something else than what it stands on."""
    lines = list[str]()
    for name, entries in found.items():
        pairs = [(e, b) for e, b in zip(entries, base[name], strict=True) if e.code != b.code]
        of = base[name][0].table
        lines.append(f"{name}: {len(pairs)} of {len(entries)} cells are not as with {of.design} on kernel {of.kernel}")
        lines += [f"  {e.source + 1}>{e.to + 1} {e.operation.name.lower()}: {b.code} -> {e.code}" for e, b in pairs]
    return lines
