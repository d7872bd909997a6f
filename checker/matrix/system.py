"""The one place where systems are made: a class of a kernel, a VMM, a guest and a device, checked, and made once."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from enum import Enum

from checker.errors import UserError
from checker.language.classes import values_of
from checker.language.ir import Loc
from checker.language.refusal import Refused
from checker.matrix.ipis import PROMISE, level_ipis
from checker.matrix.roles import ROLES, users_file
from model.lang import Design, compose
from model.machine import Machine

FUNCTION, FIELD, CONSTANT = "function", "field", "constant"


_made: dict[tuple[type[Design], ...], type[Design]] = {}


def system_of(*roles: type[Design]) -> type[Design]:
    """One class of one class for each role: the same one whenever these are asked for, so that what is worked out for it
    is shared. Raises ModelError if they cannot be mixed, or if two roles mean different things by one name."""
    if roles not in _made:
        _check_names(roles)
        _made[roles] = compose(*roles)
        if any(level_ipis(role) for role in roles):
            setattr(_made[roles], PROMISE, True)
    return _made[roles]


def _check_names(roles: tuple[type[Design], ...]) -> None:
    """In Python the first class would win, in silence: refuse a name that a role of the user's shares with another one."""
    owners = dict[str, tuple[type[Design], str, type, str]]()
    for role in roles:
        played = next((name for name, bases in ROLES.items() if issubclass(role, bases)), "")
        for name, cls, kind in _names_of(role) if played else ():
            other, its_role, its_class, its_kind = owners.setdefault(name, (role, played, cls, kind))
            if its_role == played or its_class is cls or not (users_file(role) or users_file(other)):
                continue  # a class that both stand on is what they share
            if (kind, its_kind) == (FUNCTION, FUNCTION):
                own, restates = (role, played, cls), (other, its_role, its_class)
                if users_file(cls) and not users_file(its_class):  # which of the two is the model's
                    own, restates = restates, own
                raise UserError(
                    f"{name}() is a function of the {own[1]} ({own[0].__name__}), but {restates[0].__name__}, a {restates[1]}, "
                    f"restates it: patch it in a class of that role ({_place(restates[2], name)}, {_place(own[2], name)})"
                )
            raise Refused(
                _place(cls, name), f"{cls.__name__}, a {played}, has a {kind} {name!r}, and {its_class.__name__}, a "
                f"{its_role}, has a {its_kind} of this name ({_place(its_class, name)}): they would be one",
                "give one of them another name; what two roles share is declared in Machine",
            )  # fmt: skip


def _names_of(role: type[Design]) -> Iterator[tuple[str, type, str]]:
    """What a role's classes define besides what every machine has: (name, class, FUNCTION, FIELD or CONSTANT)."""
    for cls in role.__mro__:
        if not issubclass(cls, Machine) or cls is Machine:
            continue
        for name, hint in vars(cls).get("__annotations__", {}).items():
            text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
            if "ClassVar" not in text and name not in Machine.__annotations__ and not hasattr(Design, name):
                yield name, cls, FIELD
        for name, value in vars(cls).items():
            if inspect.isfunction(value) and name != "initial" and not getattr(value, "__isabstractmethod__", False):
                yield name, cls, FUNCTION
            elif isinstance(value, bool | int | Enum) and not hasattr(Machine, name) and name[0] != "_":
                yield name, cls, CONSTANT


def _place(cls: type, name: str) -> Loc:
    """Where a class defines a name."""
    value = vars(cls).get(name)
    if inspect.isfunction(value):
        return Loc(value.__code__.co_filename, value.__code__.co_firstlineno)
    file = str(sys.modules[cls.__module__].__file__)
    return next((place for bound, place in values_of(cls) if bound == name), Loc(file, 1))
