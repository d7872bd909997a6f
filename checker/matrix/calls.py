"""What a file of the user's calls while it is read: decorators, Patch, Index and the like, each as it is meant.

Python would say so in its own words, and of the place where a name is used rather than of the one where it is misspelt.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
from collections.abc import Callable, Iterator

from checker.language.refusal import did_you_mean, nearest
from checker.matrix.python_said import import_line

MEMBERS = ("ApiFlags", "IoapicVersion")  # a tuple of them all may be made
MAY_BE_CALLED = {
    "model.lang": ("Patch", "Index", "Label", "step", "always", "leads_to", "reachable"),
    "dataclasses": ("dataclass", "field"),
    "model.machine": MEMBERS,
}
ACTORS = ("KVM", "VMM", "guest", "device")  # whose step it is: the lane of what has no class's lane
STEP = '@step(by="guest", fair=Fair.WEAK)'
Wrong = tuple[ast.expr | ast.keyword | ast.alias, str, str]  # where, what is said of it, what to write instead


def _may_be_called(call: ast.Call, names: set[str]) -> bool:
    """It makes something that a file consists of; or it is `tuple(ApiFlags)`, the members of an Enum of the model's."""
    match call:
        case ast.Call(func=ast.Name(id="tuple"), args=[ast.Name(id=of)], keywords=[]):
            return "tuple" in names and of in names
        case ast.Call(func=ast.Name(id=name)):
            return name in names and name not in ("tuple", *MEMBERS)
        case _:
            return False


def callable_names(tree: ast.Module, *built_in: str) -> set[str]:
    """Names that may be called: imported from where they are defined (or built in), and bound by nothing else in the file."""
    imported, bound = set(built_in), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names, level=0):
                for alias in names:
                    known = alias.name in MAY_BE_CALLED.get(module or "", ())
                    (imported if known else bound).add(alias.asname or alias.name)
            case ast.Import(names=names):
                bound |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            case ast.Name(id=name, ctx=ast.Store()) | ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                bound.add(name)
            case _:
                pass
    return imported - bound


def _imported(tree: ast.Module) -> Iterator[tuple[ast.alias, str]]:
    """What a file imports of the modules that it may call something of, each with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module in MAY_BE_CALLED:
            yield from ((alias, node.module) for alias in node.names)


def wrong_imports(tree: ast.Module) -> Iterator[Wrong]:
    """What a file imports of these modules and they do not have."""
    for alias, module in _imported(tree):
        names = vars(importlib.import_module(module))
        if alias.name != "*" and alias.name not in names:
            near = did_you_mean(alias.name, [name for name in names if not name.startswith("_")])
            yield alias, f"{module} has no {alias.name!r}", import_line(alias.name) or near


def wrong_calls(call: ast.Call, tree: ast.Module, callable_: set[str]) -> Iterator[Wrong]:
    """What a call has that it should not: a name that may not be called, arguments that it does not take, an actor that is
    none."""
    if not _may_be_called(call, callable_):
        yield from unknown_name(call.func, tree)
        yield call, "a design's file calls nothing while it is read", "write a constant"
        return
    found = {alias.asname or alias.name: (module, alias.name) for alias, module in _imported(tree)}
    if not isinstance(call.func, ast.Name) or call.func.id not in found:
        return
    module, name = found[call.func.id]
    yield from _wrong_arguments(call, name, getattr(importlib.import_module(module), name))
    by = next((keyword.value for keyword in call.keywords if keyword.arg == "by"), None)
    if name == "step" and isinstance(by, ast.Constant) and isinstance(by.value, str) and by.value not in ACTORS:
        yield by, f"a step is not by {by.value!r}", did_you_mean(by.value, ACTORS)


def bare_decorators(decorator: ast.expr, tree: ast.Module) -> Iterator[Wrong]:
    """`@always` where `@always()` is meant: Python would hand it the function."""
    found = {alias.asname or alias.name: alias.name for alias, module in _imported(tree) if module == "model.lang"}
    if isinstance(decorator, ast.Name) and decorator.id in found:
        example = STEP if found[decorator.id] == "step" else f"@{decorator.id}()"
        yield decorator, f"@{decorator.id} has no parentheses", example


def unknown_name(called: ast.expr, tree: ast.Module) -> Iterator[Wrong]:
    """A name that nothing defines, and that is one that may be called, or near one."""
    nodes = list(ast.walk(tree))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.name for n in nodes if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    bound |= {(n.asname or n.name).partition(".")[0] for n in nodes if isinstance(n, ast.alias)}
    if not isinstance(called, ast.Name) or called.id in bound or called.id in vars(builtins):
        return
    name = called.id
    homes = {n: module for module, names in MAY_BE_CALLED.items() for n in names if n not in MEMBERS}
    if name in homes:
        yield called, f"{name!r} is not imported", f"from {homes[name]} import {name}"
    elif near := nearest(name, homes):
        yield called, f"unknown name {name!r}", f"did you mean {near!r}?"


def _wrong_arguments(call: ast.Call, name: str, called: Callable[..., object]) -> Iterator[Wrong]:
    """By what it takes as Python knows it; whether the values are right is said elsewhere."""
    taken = inspect.signature(called).parameters
    by_place = [p for p in taken.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for keyword in call.keywords:
        if keyword.arg is not None and keyword.arg not in taken:
            yield keyword, f"{name}() takes no {keyword.arg!r}", did_you_mean(keyword.arg, taken)
    for argument in call.args[len(by_place) :]:
        yield argument, f"{name}() takes this by its name", f"its names: {', '.join(taken)}"
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return
    given = {p.name for p in by_place[: len(call.args)]} | {keyword.arg for keyword in call.keywords}
    for p in taken.values():
        if p.default is p.empty and p.name not in given:
            yield call, f"{name}() needs {p.name!r}", STEP if name == "step" else ""
