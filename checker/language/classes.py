"""What a class may hold. A hook of Python's in it would change what CPython runs, and nothing in the text that is read here.

`check_text` judges a class as it is written; `check_design`, `check_type` and `check_scope` judge the classes that a
system is made of, wherever they were defined, and find those that were not written as they seem.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum, EnumMeta, Flag, IntEnum, ReprEnum, StrEnum
from itertools import takewhile

from checker.language.ir import Loc
from checker.language.refusal import Refused, loc_of
from checker.language.source import parsed, unknown_decorator
from model.finite import EnumType, MaskType, ModelError, OptionalType, StructType, TableType, Type
from model.lang import Design, Scope, Struct

RESERVED = ("state_type", "steps")  # of Design: what the checker asks a class for
# What Python itself writes into each class; in Python 3.13, also the last two.
MADE_BY_PYTHON = {
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__orig_bases__",
    "__parameters__", "__firstlineno__", "__static_attributes__",
}  # fmt: skip
PLAIN_ENUMS: tuple[type, ...] = (Enum, IntEnum, StrEnum, ReprEnum, int, str, object)
_HOOK = re.compile(r"__\w*|_[a-z]\w*_")  # __x__, __x (which Python renames), and the hooks of Enum: _missing_
DECORATED = "only a Scope has one: @dataclass(frozen=True)"
STRUCT_HINT = "a record has fields only: write the function into the design, with the record as its parameter"


@functools.lru_cache(maxsize=4096)
def check_text(node: ast.ClassDef, file: str) -> None:
    """Looked at once for each text. Raise Refused where a class defines a hook of Python's, or is made by more than its bases."""
    for keyword in node.keywords:
        raise Refused(loc_of(keyword, file), "a class has bases and nothing else", f"drop `{ast.unparse(keyword)}`")
    for decorator in node.decorator_list:
        if (
            ast.unparse(decorator).rpartition(".")[2] != "dataclass(frozen=True)"
        ):  # slots and init would change what it has
            said = f"the decorator @{ast.unparse(decorator)} of a class is not in the language"
            raise Refused(loc_of(decorator, file), said, DECORATED)
    for at, name in bound_in(node.body):
        if name.startswith("__") and name.endswith("__"):
            hint = "restate the function that does what is to change; a field, Struct, Enum or Scope has values only"
            raise Refused(loc_of(at, file), f"{name} is a hook of Python's, and the checker knows none of them", hint)
        if _HOOK.fullmatch(name):
            raise Refused(loc_of(at, file), f"Python gives {name!r} a meaning of its own in a class", "rename it")


def bound_in(body: list[ast.stmt]) -> Iterator[tuple[ast.AST, str]]:
    """Every name that the statements of a class give a value or a type, with its place."""
    for stmt in body:
        match stmt:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield stmt, name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((stmt, alias.asname or alias.name) for alias in names)
            case _:
                yield from (
                    (n, n.id) for n in ast.walk(stmt) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                )


def text_of(cls: type) -> tuple[ast.ClassDef, str] | None:
    """Where a class is written, and the file; None if it is not written with `class` at the top of a file."""
    return _text_of(cls)


@functools.lru_cache(maxsize=4096)
def _text_of(cls: type) -> tuple[ast.ClassDef, str] | None:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if not isinstance(file, str):
        return None
    found: ast.Module | ast.ClassDef = parsed(file, cls.__module__)
    for name in cls.__qualname__.split("."):
        inside = [n for n in found.body if isinstance(n, ast.ClassDef) and n.name == name]
        if not inside:
            return None
        found = inside[-1]
    return (found, file) if isinstance(found, ast.ClassDef) else None


def values_of(cls: type) -> Iterator[tuple[str, Loc]]:
    """The names that a class binds as values, as it is written."""
    text = text_of(cls)
    for node in text[0].body if text else ():
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and text:
                yield target.id, Loc(text[1], node.lineno)


def field_loc(cls: type, name: str) -> Loc | None:
    """Where a class or the next of its bases declares a field; None if none is written so."""
    return _field_loc(cls, name)


@functools.lru_cache(maxsize=4096)
def _field_loc(cls: type, name: str) -> Loc | None:
    return next((places[name] for places in map(_field_places, cls.__mro__) if name in places), None)


@functools.lru_cache(maxsize=4096)
def _field_places(cls: type) -> dict[str, Loc]:
    """Where a class itself declares its fields: each at its first line."""
    node, file = text_of(cls) or (None, "")
    found = dict[str, Loc]()
    for stmt in node.body if node else []:
        if isinstance(stmt, ast.AnnAssign):
            found.setdefault(ast.unparse(stmt.target), loc_of(stmt, file))
    return found


def check_design(design: type[Design]) -> None:
    """Raise Refused (a ModelError) for what a class of a system holds beside fields, functions and constants."""
    for owner in design.__mro__[:-1]:
        if not issubclass(owner, Design) and text_of(owner) is None:
            heir = next(cls for cls in design.__mro__ if owner in cls.__bases__)
            said = f"{heir.__name__} stands on {owner.__name__}, which is no design"
            raise _refused(heir, "", said, "derive it from designs only")
        if owner is not Design and (owner is not design or text_of(design) is not None):  # or else made by compose()
            _check_design_class(owner)


@functools.lru_cache(maxsize=4096)
def _check_design_class(owner: type) -> None:
    if not issubclass(owner, Design):
        raise _refused(owner, "", f"{owner.__name__} is no Design, and a design stands on it", "derive it from Machine")
    _check_made(owner, type)
    for name, value in vars(owner).items():
        if name in MADE_BY_PYTHON:
            continue
        if name.startswith("__"):
            raise _refused(owner, name, f"{owner.__name__} has {name}, a hook of Python's", "write plain functions")
        if name in RESERVED:
            raise _refused(owner, name, f"{name!r} is what the checker asks a design for", "rename it")
        if not inspect.isfunction(value):
            _check_constant(owner, name, value)


def _check_constant(owner: type, name: str, value: object) -> None:
    if hasattr(type(value), "__get__"):
        node, file = text_of(owner) or (None, "")
        for function in (n for n in node.body if isinstance(n, ast.FunctionDef)) if node else ():
            if function.name == name and function.decorator_list:
                raise unknown_decorator(function.decorator_list[0], file)
        said = f"{name!r} is a {type(value).__name__}, and a design has fields and plain functions"
        raise _refused(owner, name, said, f"def {name}(self, ...) -> ...")
    replaced = next((vars(base)[name] for base in owner.__mro__[1:] if name in vars(base)), None)
    if inspect.isfunction(replaced):
        said = f"{name} replaces a function and is none"
        raise _refused(owner, name, said, f"def {name}(self, ...): ..., as in the class above")


def check_type(of: Type) -> None:
    """Raise Refused (a ModelError) for what the records and Enums in a type hold beside their values."""
    match of:
        case StructType(cls, fields):
            for owner in takewhile(lambda c: c is not Struct, cls.__mro__):
                _check_struct_class(owner)
            for _, kind in fields:
                check_type(kind)
        case TableType(_, row):
            check_type(row)
        case EnumType(cls) | OptionalType(of=EnumType(cls)):
            check_enum(cls)
        case OptionalType() | MaskType() | _:
            pass


@functools.lru_cache(maxsize=4096)
def _check_struct_class(owner: type) -> None:
    _check_made(owner, type)
    for name, value in vars(owner).items():
        if name not in MADE_BY_PYTHON and (name.startswith("__") or hasattr(type(value), "__get__")):
            raise _refused(owner, name, f"{name!r} of {owner.__name__} is no field", STRUCT_HINT)


@functools.lru_cache(maxsize=4096)
def check_enum(cls: type[Enum]) -> None:
    """Raise Refused (a ModelError) for what an Enum holds beside its members."""
    if issubclass(cls, Flag):
        raise _refused(cls, "", f"{cls.__name__} is a Flag, whose values are sets of members", "derive it from Enum")
    if not len(cls):
        raise _refused(cls, "", f"{cls.__name__} has no members, so nothing is of this type", "NAME = 0, ...")
    for owner in (c for c in cls.__mro__ if c not in PLAIN_ENUMS):
        node = _check_made(owner, EnumMeta)
        for at, name in bound_in(node.body):
            if isinstance(at, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
                raise _refused(owner, name, f"{name!r} of {owner.__name__} is no member", "an Enum has members only")


def check_scope(cls: type[Scope]) -> None:
    """Raise Refused (a ModelError) for what a Scope holds beside sizes and choices."""
    for owner in takewhile(lambda c: c is not Scope, cls.__mro__):
        _check_scope_class(owner)


@functools.lru_cache(maxsize=4096)
def _check_scope_class(owner: type) -> None:
    for at, name in bound_in(_check_made(owner, type, decorated=True).body):
        if not isinstance(at, ast.Name):
            raise _refused(owner, name, f"{name!r} of {owner.__name__} is no size and no choice", "name: int = ...")


def _check_made(cls: type, by: type, decorated: bool = False) -> ast.ClassDef:
    """How it is written, if it is written as the language has it and was made by the metaclass `by`. decorated: it may be
    a dataclass. An Enum that is one has members that are all equal."""
    text = text_of(cls)
    if text is None:
        raise ModelError(
            f"where {cls.__qualname__} is defined was not found: write it with `class` at the top of a file"
        )
    check_text(*text)
    for decorator in text[0].decorator_list if not decorated else ():
        raise Refused(loc_of(decorator, text[1]), f"{cls.__name__} has a decorator", DECORATED)
    if type(cls) is not by:
        said = f"{cls.__name__} was made by {type(cls).__name__}, and a class of its kind is made by {by.__name__}"
        raise _refused(cls, "", said, "derive from plain classes")
    return text[0]


def _refused(cls: type, name: str, message: str, hint: str) -> ModelError:
    """The message at the name in its class, or at the class."""
    text = text_of(cls)
    if text is None:
        return ModelError(f"{message}; {hint}")
    node, file = text
    at = next((at for at, bound in reversed([*bound_in(node.body)]) if bound == name), node)
    return Refused(loc_of(at, file), message, hint)
