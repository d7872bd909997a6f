"""What a value that a file gives has to be: what the annotation says that declares it. One check for all of them, so that what
asks for one later need not look."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Union, get_args, get_origin

from checker.language.source import type_hints


def constants_of(cls: type) -> dict[str, object]:
    """The constants that a class declares: by name, the annotation of their values."""
    return {name: get_args(hint)[0] for name, hint in type_hints(cls).items() if get_origin(hint) is ClassVar}


def unfit(record: object) -> Iterator[tuple[str, str]]:
    """(name, what it has to be) of the fields of a dataclass's instance that hold another thing."""
    for name, hint in type_hints(type(record)).items():
        if not fits(getattr(record, name), hint):
            yield name, form(hint)


def fits(value: object, hint: object) -> bool:
    """Is the value what the annotation says? A list does for a tuple; a class is no function, though it can be called."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in args)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(fits(v, args[0]) for v in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(fits(k, args[0]) and fits(v, args[1]) for k, v in value.items())
    if origin is Callable:
        return callable(value) and not isinstance(value, type)
    whole = isinstance(value, hint) if isinstance(hint, type) else value is hint
    return whole and not (dataclasses.is_dataclass(hint) and any(unfit(value)))


def form(hint: object) -> str:
    """What is to be written, as one would show it: `a tuple (text, ...)`."""
    origin = get_origin(hint)
    kind = "a tuple " if origin is tuple else "a dict " if origin is Mapping else ""
    return kind + _form(hint)


def _form(hint: object) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_form, args))
    if origin is tuple:
        return f"({_form(args[0])}, ...)"
    if origin is Mapping:
        return f"{{{_form(args[0])}: {_form(args[1])}}}"
    if origin is Callable:
        return "function"
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return f"{hint.__name__}({', '.join(f'{name}={_form(of)}' for name, of in type_hints(hint).items())})"
    plain = {str: "text", bool: "True or False", type: "class", Any: "value", type(None): "None"}
    return plain[hint] if hint in plain else inspect.formatannotation(hint).rpartition(".")[2]
