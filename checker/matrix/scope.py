"""The scope of a system: what `--scope` says of it, and how its values are written."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from itertools import takewhile
from typing import Any, TypeAlias, TypeVar

from checker.errors import UserError
from checker.language.classes import field_loc, values_of
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean
from checker.language.source import type_hints
from checker.matrix.roles import designs, look_up, users_file
from model import lang
from model.lang import Design
from model.machine import ApiFlags, Machine, Scope

ScopeValue: TypeAlias = int | Enum  # a size, a choice: a bool is an int
LARGEST_SIZE = 64  # a Mask is a machine word
OF_MACHINE = ("cpus", "pins", "vectors")  # the sizes that every system of the model has


S = TypeVar("S", bound=Scope)


def with_values(scope: S, values: Mapping[str, ScopeValue]) -> S:
    """The scope with other values, whose names and types were looked at where they were read."""
    fields: dict[str, Any] = dict(values)
    return replace(scope, **fields)


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
            f"the scopes {' and '.join(sorted(map(_scope_text, found)))} cannot be mixed: derive one of the other"
        )
    if found and found[0] not in _checked:
        check_scope(found[0])
        _checked.add(found[0])
    return found[0] if found else Scope


_checked = set[type[Scope]]()  # no field of these is refused


def check_scope(of: type[Scope]) -> None:
    """Raise Refused for what a user's scope holds beside sizes and choices that have a default."""
    named = {f.name for f in dataclasses.fields(of)}
    for cls in takewhile(users_file, of.__mro__):
        for name, place in values_of(cls):
            if name not in named:
                raise Refused(
                    place, f"{cls.__name__}.{name} is no field of the scope",
                    f"write @dataclass(frozen=True) above the class, and `{name}: int = 2`, bool or an Enum in it",
                )  # fmt: skip
    for f in dataclasses.fields(of):
        if hasattr(lang.Scope, f.name):
            at = field_loc(of, f.name) or Loc("", 1)
            raise Refused(at, f"{f.name!r} is what the checker asks a scope for", "rename it")
        none = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if none or not isinstance(f.default, int | Enum):
            owner = next(cls for cls in of.__mro__ if f.name in vars(cls).get("__annotations__", {}))
            said = "has no default" if none else "is no number, bool or Enum"
            raise Refused(
                field_loc(owner, f.name) or Loc("", 1), f"{owner.__name__}.{f.name} {said}",
                "a scope has sizes (int) and choices (bool, Enum), each with a default",
            )  # fmt: skip


def _scope_text(of: type[Scope]) -> str:
    file = users_file(of)
    return of.__name__ + f" ({file})" * bool(file)


def _annotated_scope(role: type[Machine]) -> object:
    try:
        return type_hints(role).get("scope")
    except (NameError, TypeError, SyntaxError):  # told with its line when the class is lowered
        return None


def checked_defaults(role: type[Machine], of: type[Scope]) -> dict[str, ScopeValue]:
    """The scope_defaults of a class. Raises UserError for a name or a value that the scope does not have."""
    found, defaults = dict(role.scope_defaults), vars(of())
    for name, value in found.items():
        where = f"{users_file(role) or role.__module__}: scope_defaults of {role.__name__}"
        if name not in defaults:
            raise UserError(
                f"{where}: the scope has no {name!r}: {did_you_mean(name, defaults) or ', '.join(defaults)}"
            )
        size = type(value) is int and 1 <= value <= LARGEST_SIZE
        if type(value) is not type(defaults[name]) or (type(value) is int and not size):
            wanted = (
                f"a number from 1 to {LARGEST_SIZE}" if type(defaults[name]) is int else type(defaults[name]).__name__
            )
            raise UserError(f"{where}: {name} is {value!r}, and {wanted} is needed")
    return found


def parse_scope(text: str, of: type[Scope] = Scope, option: str = "--scope") -> dict[str, ScopeValue]:
    """ "cpus=1,ioapic=0x20,throttle=on" -> typed values. Raises UserError for unknown names and bad values."""
    values: dict[str, ScopeValue] = {}
    defaults = vars(of())
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"{option} takes NAME=VALUE,...: {part!r} has no '='")
        found = _scope_value(name, value, look_up("scope name", name, defaults), option)
        if values.setdefault(name, found) != found:
            raise UserError(f"{option} {part}: {name} has another value before, {scope_value(values[name])}")
    return values


def own_sizes(scope: str, own: type[Scope], others: type[Scope]) -> dict[str, ScopeValue]:
    """What is said of one's own scope; of what only the other one has, that it can be read. Raises UserError."""
    pieces = scope.split(",")
    only = [p for p in pieces if (name := p.partition("=")[0].strip()) in vars(others()) and name not in vars(own())]
    parse_scope(",".join(only), others)
    return parse_scope(",".join(p for p in pieces if p not in only), own)


def _scope_value(name: str, text: str, default: object, option: str) -> ScopeValue:
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
        if number is not None and number in by_value:
            return by_value[number]
        if text in by_name:
            return by_name[text]
        valid = f"{', '.join(map(scope_value, by_value.values()))}; by name {', '.join(by_name)}"
        known = flag_lines(designs()) if type(default) is ApiFlags else []
        raise UserError("\n     ".join([f"{option} {name}={text}: valid values are {valid}", *known]))
    if number is None or not 1 <= number <= LARGEST_SIZE:
        raise UserError(f"{option} {name}={text}: a number from 1 to {LARGEST_SIZE} is needed")
    return number


def scope_value(value: object) -> str:
    """A value of the scope as --scope reads it back."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return f"{value.value:#x}" if isinstance(value.value, int) else value.name
    return str(value)
