"""Names of the model with what its source says of them: docstring or comment, file and line, and the C that they stand for."""

from __future__ import annotations

import functools
import importlib
import inspect
import linecache
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any, cast, get_args

import model
from checker.language.source import type_hints
from checker.matrix.lifting import TABLES, table
from checker.matrix.loader import provenance
from checker.matrix.roles import ROLES, designs, role_sentence
from checker.matrix.scope import flag_lines, scope_value
from lift.table import Table
from model.lang import Fair, Label, Property, StepInfo, Struct
from model.machine import ApiFlags, Machine, Scope

ROOT = Path(__file__).resolve().parents[2]
Said = tuple[str, Sequence[tuple[str, str]]]  # the sentence, and facts
Named = tuple[Sequence[str], str, Callable[[], Said]]  # names of one thing, its kind, and what tells it
COMMENT = re.compile(r"\s#\s(?!fmt|noqa|type:)(.*)")
MARKED = re.compile(r"Annotated\[(.*), Label\(.*\)\]")  # how stories call a field is told apart from its type


@functools.cache
def classes() -> list[type]:
    """All classes of the model, each once, in the order of its files."""
    found = dict[type, None]()
    for module in pkgutil.walk_packages(model.__path__, f"{model.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name:
                found[value] = None
    return list(found)


def place(thing: type | FunctionType) -> str:
    """`model/kvm/lapic.py: LapicC.apic_set_eoi()`: names stay where lines move."""
    file = thing.__code__.co_filename if isinstance(thing, FunctionType) else str(inspect.getsourcefile(thing))
    return f"{Path(file).relative_to(ROOT)}: {thing.__qualname__}{'()' * isinstance(thing, FunctionType)}"


def sentence(text: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((text or "").partition("\n\n")[0].split())


# --- what plays a role ---


def about_role(cls: type[Machine], family: Mapping[str, type[Machine]]) -> Said:
    facts = [("where", place(cls))]
    patch = vars(cls).get("patch")
    own = [name for name, value in vars(cls).items() if isinstance(value, FunctionType)]
    if patch is not None:
        facts += [("patch", str(patch)), ("stands on", patch.base), ("note", patch.note)]
        facts += [("it restates", ", ".join(f"{name}()" for name in own))]
        facts += [("flags", line) for line in flag_lines({"it": cls})]
    steps = [name for name in own if _step(name, cls) is not None]
    facts += [("its steps", ", ".join(f"{name}()" for name in steps))] if patch is None else []
    facts += [("on request", cls.on_request)]
    return role_sentence(cls, family) or provenance(cls), [(what, text) for what, text in facts if text]


def about_property(p: Property) -> Said:
    said = " ".join((inspect.getdoc(p.function) or "").partition("Violated:")[2].split())
    premise = p.premise and f"{p.premise} is never reached"
    function: Any = p.function
    facts = [("violated", said), ("source", p.source), ("where", place(function)), ("vacuous if", premise)]
    facts += [("not asked", why) for why in dict.fromkeys((*p.not_for.values(), *p.only_for.values()))]
    return p.sentence, [(what, text) for what, text in facts if text]


# --- functions and steps ---


def functions() -> Iterator[Named]:
    """Each name of a function once, whoever defines it."""
    found = dict[str, list[type]]()
    for cls in (c for c in classes() if issubclass(c, Machine)):
        for name, value in vars(cls).items():
            if isinstance(value, FunctionType) and not name.startswith("_"):
                found.setdefault(name, []).append(cls)
    for name, owners in found.items():
        steps = [info for cls in owners if (info := _step(name, cls)) is not None]
        kind = f"a step of the {_side(owners)}" if steps else "a function of the model"
        yield (name,), kind, functools.partial(_about_function, name, tuple(owners))


def _side(owners: Sequence[type]) -> str:
    played = {role for cls in owners for role, bases in ROLES.items() if issubclass(cls, bases)}
    lanes = [role for role in ROLES if role in played] or ["kernel"]
    return " and ".join({"vmm": "VMM"}.get(role, role) for role in lanes)


def _about_function(name: str, owners: Sequence[type]) -> Said:
    """Its docstring in the kernel, or the comment of its prototype, or the docstring of the first that has one."""
    given = {cls: cast(FunctionType, vars(cls)[name]) for cls in sorted(owners, key=_rank)}
    real = {cls: f for cls, f in given.items() if not getattr(f, "__isabstractmethod__", False)}
    kernels = [sentence(f.__doc__) for cls, f in real.items() if not _rank(cls)]
    texts = [*kernels, *map(comment_of, given.values()), *(sentence(f.__doc__) for f in real.values())]
    steps = [info for cls in owners if (info := _step(name, cls)) is not None]
    by = [f"{info.by}, {info.fair.name}: {info.fair.value}" for info in dict.fromkeys(steps)]
    restating = [module for cls in real if (module := _design_of(cls))]
    first = [place(f) for cls, f in (real or given).items() if not _design_of(cls)]
    more = f" and {len(first) - SHOWN} more" if len(first) > SHOWN else ""
    facts = [("taken by", text) for text in by] + [("where", ", ".join(first[:SHOWN]) + more)] * bool(first)
    facts += [("in C", text) for text in in_c(name, owners)]
    facts += [("restated in", ", ".join(dict.fromkeys(restating)))] if restating else []
    return next(filter(None, texts), "it has no docstring: read it where it stands"), facts


def _rank(cls: type) -> int:
    """The kernel's C files come first, then the other roles, then what changes them."""
    folders = (
        "model.kvm",
        "model.vmms.qemu",
        "model.machine",
        "model.vmms",
        "model.guests",
        "model.devices",
        "model.lines",
    )
    return next((n for n, folder in enumerate(folders) if cls.__module__.startswith(folder)), len(folders))


def _design_of(cls: type) -> str:
    """The design whose module a class is in."""
    folder, _, name = cls.__module__.rpartition(".")
    return name if folder.endswith(".designs") else ""


SHOWN = 4  # of the places where a function is defined


def _step(name: str, cls: type) -> StepInfo | None:
    """A patch that restates a step need not repeat the decorator."""
    marks = (getattr(vars(base).get(name), "__eoi_step__", None) for base in cls.__mro__)
    return next((mark for mark in marks if isinstance(mark, StepInfo)), None)


def comment_of(function: FunctionType) -> str:
    """Beside its head, or its decorator: so the prototypes of machine.py say what they are."""
    file, first = function.__code__.co_filename, function.__code__.co_firstlineno
    heads = (linecache.getline(file, line) for line in (first, first + 1))
    return next((found[1].strip() for head in heads if (found := COMMENT.search(head.rstrip("\n")))), "")


def in_c(name: str, owners: Sequence[type]) -> list[str]:
    """What the tables of correspondence say of it; else the file that its class stands for."""
    said = [text for shown in TABLES for text in _rows(table(shown), name)]
    files = [text for cls in owners if (text := str(getattr(cls, "source", "")))]
    return list(dict.fromkeys(said)) or [f"{file}: {name}()" for file in dict.fromkeys(files[:1])]


def _rows(rows: Table, name: str) -> Iterator[str]:
    for row in rows.functions:
        if row.model == name:
            case = f", case {row.case}" * bool(row.case)
            yield f"{row.c}(){case} ({rows.file}{'; ' * bool(row.why)}{row.why})"
    for one in rows.rows["own"]:
        if one.left == name:
            yield f"no function of C: {one.why} ({rows.file})"
    for one in rows.rows["parts"]:
        if one.right == name:
            yield f"a part of {one.left}() ({rows.file})"
    for one in [one for one in rows.rows["anchors"] if one.left == name][:1]:
        yield f"pieces of {name}() ({rows.file}; {one.why})"


# --- the state, the scope, and what their values are called ---


def fields() -> Iterator[Named]:
    """Fields of the machine, of records and of roles: by name, and by what stories call them."""
    for cls in (c for c in classes() if issubclass(c, Machine | Struct)):
        for name, hint in vars(cls).get("__annotations__", {}).items():
            if name == "scope" or name.startswith("_"):
                continue
            if "ClassVar" in str(hint):
                if cls is Machine:
                    yield (name,), "what a class says of itself", functools.partial(_field, cls, name)
                continue
            names = tuple(filter(None, (name, _label(cls, name))))
            yield names, f"a field of {cls.__name__}", functools.partial(_field, cls, name)


def kinds() -> Iterator[Named]:
    """Records and enumerations."""
    for cls in (c for c in classes() if issubclass(c, Struct | Enum)):
        what = "a record" if issubclass(cls, Struct) else "an enumeration"
        yield (cls.__name__,), what, functools.partial(_kind, cls)


def _kind(cls: type) -> Said:
    names = cls.__members__ if issubclass(cls, Enum) else vars(cls).get("__annotations__", {})
    return sentence(vars(cls).get("__doc__")) or "its names say it", [("has", ", ".join(names)), ("where", place(cls))]


def _label(cls: type, name: str) -> str:
    marks = [mark for mark in get_args(type_hints(cls)[name])[1:] if isinstance(mark, Label)]
    return re.sub(r"\{\d\} ?", "", marks[0].text).strip() if marks else ""


def _field(cls: type, name: str) -> Said:
    line = _line_of(cls, name)
    file = str(inspect.getsourcefile(cls))
    source = linecache.getline(file, line).strip()
    label, comment = _label(cls, name), COMMENT.search(source)
    declared = MARKED.sub(r"\1", COMMENT.sub("", source).partition("  # ")[0].strip())
    facts = [("declared", declared), ("in stories", label), ("of", sentence(vars(cls).get("__doc__")))]
    facts += [("where", place(cls))]
    return comment[1] if comment else f"stories call it {label or name}", [(what, text) for what, text in facts if text]


def _line_of(cls: type, name: str) -> int:
    """Where a class's body begins to speak of a name."""
    lines, first = inspect.getsourcelines(cls)
    return next((first + n for n, text in enumerate(lines) if re.match(rf"\s+{re.escape(name)}\s*[:=]", text)), first)


def enum_members() -> Iterator[Named]:
    for cls in classes():
        if issubclass(cls, Enum) and cls is not Fair:
            for member in cls:
                yield (member.name,), f"a value of {cls.__name__}", functools.partial(_member, cls, member)


def comment_of_member(member: Enum) -> str:
    """Beside the value of an enumeration, in its class; "" if there is none."""
    line, file = _line_of(type(member), member.name), str(inspect.getsourcefile(type(member)))
    comment = COMMENT.search(linecache.getline(file, line).rstrip("\n"))
    return comment[1] if comment else ""


def _member(cls: type[Enum], member: Enum) -> Said:
    facts = [("value", scope_value(member)), ("where", place(cls))]
    facts += [("as a flag", text) for text in flag_lines(designs(), [member])] if isinstance(member, ApiFlags) else []
    return comment_of_member(member) or sentence(vars(cls).get("__doc__")) or f"a {cls.__name__}", facts


def scopes() -> Iterator[Named]:
    for name, value in vars(Scope()).items():
        yield (name,), "a part of the scope", functools.partial(_of_scope, name, value)


SIZES = {"cpus": "virtual CPUs", "pins": "I/O APIC pins, each with a line and a GSI", "vectors": "interrupt vectors, each a priority class"}  # fmt: skip


def _of_scope(name: str, value: object) -> Said:
    said, facts = _field(Scope, name)
    size = f"how many {SIZES[name]}" if name in SIZES else said
    return size, [("by default", f"{name}={scope_value(value)}"), *facts]


def flags() -> Iterator[Named]:
    """Bits of KVM's API by the names that kernels give them."""
    for name, bit in {name: bit for cls in designs().values() for bit, name in cls.flag_names.items()}.items():
        yield (name.partition(" ")[0],), "a flag of KVM's API", functools.partial(_flag, bit)


def _flag(bit: ApiFlags) -> Said:
    said = f"{bit.name} of the scope's flags: `--scope flags={bit.name}`"
    return said, [("names", line) for line in flag_lines(designs(), [bit])]
