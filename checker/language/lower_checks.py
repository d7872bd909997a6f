"""The source of functions, and what a class must satisfy before it is lowered."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
import typing
from collections.abc import Callable, Iterable
from typing import Any

from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, loc_of
from model.finite import IntType, MaskType, ModelError, OptionalType, StructType, TableType, Type
from model.lang import Design, Scope, resolve

DECORATORS = ("step", "always", "leads_to", "reachable", "abstractmethod", "override")


@functools.lru_cache(maxsize=256)
def _parsed(file: str, stamp: float) -> ast.Module:
    with open(file, encoding="utf-8") as source:
        return ast.parse(source.read(), file)


def parsed(file: str) -> ast.Module:
    """The AST of a source file, read once per version of the file."""
    return _parsed(file, os.stat(file).st_mtime)


@functools.lru_cache(maxsize=256)
def _definitions(tree: ast.Module) -> dict[tuple[str, int], ast.FunctionDef]:
    """The functions of a file by name and line: of the `def`, and of the first decorator."""
    found = dict[tuple[str, int], ast.FunctionDef]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for line in (node.lineno, min([node.lineno, *(d.lineno for d in node.decorator_list)])):
                found.setdefault((node.name, line), node)
    return found


def definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The AST node of a function. Raises ModelError if its source cannot be read."""
    if not inspect.isfunction(function):
        raise ModelError(
            f"{getattr(function, '__name__', function)} is not a plain function: write one decorator above one `def`"
        )
    code = inspect.unwrap(function).__code__
    try:
        tree = parsed(code.co_filename)
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelError(f"the source of {function.__qualname__} cannot be read: {error}") from None
    node = _definitions(tree).get((code.co_name, code.co_firstlineno))
    if node is not None:
        return _only_known_decorators(node, function)
    raise ModelError(f"{function.__qualname__} was not found in {code.co_filename}: write it with `def`")


def _only_known_decorators(node: ast.FunctionDef, function: Callable[..., Any]) -> ast.FunctionDef:
    """A decorator could run anything instead of the text that is read here."""
    file = inspect.unwrap(function).__code__.co_filename
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
        if name not in DECORATORS:
            raise Refused(
                loc_of(decorator, file),
                f"the decorator @{ast.unparse(decorator)} is not in the language",
                "only @step(...) is",
            )
    free = set(function.__code__.co_freevars) - {"__class__"}
    if free or function is not inspect.unwrap(function):
        raise Refused(
            loc_of(node, file), f"{node.name}() depends on where it was defined", "write it with `def` in the class"
        )
    return node


def only_plain_parameters(function: Callable[..., Any], node: ast.FunctionDef, *, method: bool) -> None:
    """Positional parameters without defaults; a method's first is the system."""
    file, args = function.__code__.co_filename, node.args
    extra = args.vararg or args.kwarg or next(iter(args.kwonlyargs + args.posonlyargs), None)
    if extra is not None:
        raise Refused(loc_of(extra, file), "parameters are plain: no *, no /", "name each parameter, with its type")
    if args.defaults:
        raise Refused(
            loc_of(args.defaults[0], file), "parameters have no default values", "pass every argument in each call"
        )
    if method and not args.args:
        raise Refused(loc_of(node, file), f"{node.name}() does not take the system", f"def {node.name}(self, ...)")


def state_type(design: type[Design], scope: Scope) -> StructType:
    """The state record. Raises Refused at the field whose type means nothing."""
    try:
        return design.state_type(scope)
    except Exception as error:
        for owner in design.__mro__:
            if issubclass(owner, Design) and owner is not Design:
                _check_annotations(owner, scope)
        raise ModelError(f"the fields of {design.__name__} cannot be read: {error}") from None


def _check_annotations(owner: type[Design], scope: Scope) -> None:
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return
    classes = [n for n in ast.walk(parsed(file)) if isinstance(n, ast.ClassDef) and n.name == owner.__name__]
    for node in (n for c in classes for n in c.body if isinstance(n, ast.AnnAssign)):
        name = ast.unparse(node.target)
        if name == "scope" or "ClassVar" in ast.unparse(node.annotation):
            continue
        try:
            annotation_type(node.annotation, vars(module), scope, f"field {name!r}")
        except Exception as error:
            raise Refused(loc_of(node, file), *said_of_type(error, vars(module))) from None


def annotation_type(node: ast.expr, names: dict[str, Any], scope: Scope, what: str) -> Type:
    """The type that an annotation means, evaluated as CPython would."""
    value = eval(ast.unparse(node), names)
    return resolve(eval(value, names) if isinstance(value, str) else value, scope, what)


def said_of_type(error: Exception, names: Iterable[str]) -> tuple[str, str]:
    """Message and hint for an annotation that means no type."""
    match error:
        case NameError(name=str(name)):
            homes = [m for m, module in sys.modules.items() if m.startswith("model.") and name in vars(module)]
            if homes and name not in names:
                return f"unknown type {name!r}", f"from {min(homes, key=len)} import {name}"
            return f"unknown type {name!r}", did_you_mean(name, [n for n in names if n[:1].isupper()])
        case RecursionError():
            return "a record that contains itself is not finite", "store the index of the other record"
        case ModelError():
            return str(error), ""
        case _:
            return f"this is no type of the language: {error}", ""


def check_fields(design: type[Design], state: StructType) -> None:
    """Fields have values, and no function's name: in CPython the field would hide the function."""
    for name, of in state.fields:
        function = getattr(design, name, None)
        if inspect.isfunction(function):
            loc = loc_of(definition_of(function), function.__code__.co_filename)
            raise Refused(loc, f"{name!r} is a field and a function", "rename one of them")
        _check_type(f"{design.__name__}.{name}", of)


def _check_type(where: str, of: Type) -> None:
    match of:
        case IntType(lo, hi) if hi < lo:
            raise ModelError(f"{where} can have no value: its bound is {hi + 1}")
        case MaskType(inner) if inner.hi >= 64:
            raise ModelError(f"{where}: a Mask has at most 64 bits, this one would have {inner.hi + 1}")
        case OptionalType(inner) | MaskType(inner):
            _check_type(where, inner)
        case TableType(index, row):
            _check_type(where, index)
            _check_type(f"{where}[...]", row)
        case StructType(fields=fields):
            for name, kind in fields:
                _check_type(f"{where}.{name}", kind)
        case _:
            pass


def check_overrides(design: type[Design]) -> None:
    """A restated function keeps the parameters and the result of the one it replaces."""
    for owner in design.__mro__:
        for name, function in _methods(owner).items():
            replaced = next((vars(b)[name] for b in owner.__mro__[1:] if name in _methods(b)), None)
            if replaced is None or _shape(function) == _shape(replaced):
                continue
            node, file = definition_of(function), function.__code__.co_filename
            raise Refused(
                loc_of(node, file), f"{name}() changes the signature of the function it replaces",
                f"it was: {_heading(definition_of(replaced))}",
            )  # fmt: skip


def _is_patch(owner: type) -> bool:
    return "patch" in vars(owner) or owner.__module__.startswith("eoi_user_")


def in_patch(design: type[Design], loc: Loc) -> bool:
    """Does a function of a patch have this line?"""
    patches = (f for owner in design.__mro__ if _is_patch(owner) for f in _methods(owner).values())
    for function in (f for f in patches if f.__code__.co_filename == loc.file):
        node = definition_of(function)
        if node.lineno <= loc.line <= (node.end_lineno or node.lineno):
            return True
    return False


def check_unused(design: type[Design], used: set[tuple[type, str]]) -> None:
    """A function of a patch that replaces nothing and that nobody calls is a misspelt name."""
    known = {name for owner in design.__mro__ for name in _methods(owner)}
    for owner in design.__mro__:
        if not _is_patch(owner):
            continue
        for name, function in _methods(owner).items():
            called = any(name == other for _, other in used)
            if called or any(name in _methods(b) for b in owner.__mro__[1:]):
                continue
            node, file = definition_of(function), function.__code__.co_filename
            hint = did_you_mean(name, known - {name})
            raise Refused(loc_of(node, file), f"{name}() replaces nothing and nobody calls it", hint)


def _methods(owner: type) -> dict[str, Callable[..., Any]]:
    if not issubclass(owner, Design) or owner is Design:
        return {"initial": Design.initial} if owner is Design else {}
    return {name: f for name, f in vars(owner).items() if inspect.isfunction(f) and not name.startswith("__")}


def _shape(function: Callable[..., Any]) -> tuple[Any, ...]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # an annotation that means nothing: told when the function is lowered
        hints = {name: str(of) for name, of in inspect.get_annotations(function).items()}
    return tuple(inspect.signature(function).parameters), tuple(hints.items())


def _heading(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}"
