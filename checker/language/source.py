"""The source of functions and classes: a file's text is parsed once, and a function is looked up by name and line; the
types that its annotations mean are worked out once, as every cell of a matrix asks for them."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
import types
import typing
from abc import abstractmethod
from collections.abc import Callable

from checker.language.refusal import Refused, loc_of
from model.finite import ModelError
from model.lang import always, leads_to, reachable, step

DECORATORS: tuple[object, ...] = (step, always, leads_to, reachable, abstractmethod)
USERS_MODULE = "eoi_user_"  # what the module of a user's file is called; the rest of the name hashes what the file says
MISSING = object()  # what a name means that nothing defines


@functools.lru_cache(maxsize=256)
def tree_of(file: str, text: str) -> ast.Module:
    """The AST of a file's text, made once: nobody changes one. Raises SyntaxError, ValueError."""
    return ast.parse(text, file)


@functools.lru_cache(maxsize=256)
def _parsed(file: str, stamp: float) -> ast.Module:
    return tree_of(file, text_of(file))


_executed: dict[str, tuple[str, ast.Module]] = {}  # of users' files, which an editor may write while they are judged


def executed(file: str, text: str) -> ast.Module:
    """The AST of a text that is executed as this file: from now on it is what the file says. Raises SyntaxError, ValueError."""
    _executed[file] = text, tree_of(file, text)
    return _executed[file][1]


def parsed(file: str) -> ast.Module:
    """The AST of a source file: as it was executed, or read once per version of the file."""
    return _executed[file][1] if file in _executed else _parsed(file, os.stat(file).st_mtime)


def text_of(file: str) -> str:
    """What was parsed. Raises OSError."""
    if file in _executed:
        return _executed[file][0]
    with open(file, encoding="utf-8") as source:
        return source.read()


@functools.lru_cache(maxsize=256)
def _definitions(tree: ast.Module) -> dict[tuple[str, int], ast.FunctionDef]:
    """The functions of a file by name and line: of the `def`, and of the first decorator."""
    found = dict[tuple[str, int], ast.FunctionDef]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for line in (node.lineno, min([node.lineno, *(d.lineno for d in node.decorator_list)])):
                found.setdefault((node.name, line), node)
    return found


def plain_function(function: object) -> types.FunctionType:
    """The same. Raises ModelError if it is anything but a function."""
    if not inspect.isfunction(function):
        name = getattr(function, "__name__", function)
        raise ModelError(f"{name} is not a plain function: write one decorator above one `def`")
    return function


def definition_of(function: Callable[..., object]) -> ast.FunctionDef:
    """The AST node of a function. Raises ModelError if its source cannot be read."""
    code = inspect.unwrap(plain_function(function)).__code__
    try:
        tree = parsed(code.co_filename)
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelError(f"the source of {function.__qualname__} cannot be read: {error}") from None
    node = _definitions(tree).get((code.co_name, code.co_firstlineno))
    if node is not None:
        return _only_known_decorators(node, function)
    raise ModelError(f"{function.__qualname__} was not found in {code.co_filename}: write it with `def`")


def meaning(node: ast.expr, function: types.FunctionType) -> object:
    """What CPython finds for a name (or the attribute of one) of a function that is no local of it; or MISSING."""
    match node:
        case ast.Name(id=name):
            found: object = function.__builtins__.get(name, MISSING)  # type: ignore[attr-defined, unused-ignore]
            return function.__globals__.get(name, found)
        case ast.Attribute(value=base, attr=name):
            return getattr(meaning(base, function), name, MISSING)
        case _:
            return MISSING


def _is_known(decorator: object) -> bool:
    overrides = (getattr(sys.modules.get(home), "override", MISSING) for home in ("typing", "typing_extensions"))
    return any(decorator is known for known in (*DECORATORS, *overrides) if known is not MISSING)


def unknown_decorator(decorator: ast.expr, file: str) -> Refused:
    """What is said of a decorator of a function that is none of DECORATORS."""
    said = f"the decorator @{ast.unparse(decorator)} is not in the language"
    return Refused(loc_of(decorator, file), said, "only @step(...) is")


def _only_known_decorators(node: ast.FunctionDef, function: Callable[..., object]) -> ast.FunctionDef:
    """A decorator could run anything instead of the text that is read here."""
    file = inspect.unwrap(function).__code__.co_filename
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not _is_known(meaning(called, inspect.unwrap(function))):
            raise unknown_decorator(decorator, file)
    free = set(function.__code__.co_freevars) - {"__class__"}
    if free or function is not inspect.unwrap(function):
        raise Refused(
            loc_of(node, file), f"{node.name}() depends on where it was defined", "write it with `def` in the class"
        )
    return node


@functools.lru_cache(maxsize=4096)
def _hints(function: Callable[..., object]) -> dict[str, object]:
    return typing.get_type_hints(function, include_extras=True)


def type_hints(function: Callable[..., object]) -> dict[str, object]:
    """A copy of typing.get_type_hints with its extras. Raises NameError for an annotation that names nothing."""
    return dict(_hints(function))
