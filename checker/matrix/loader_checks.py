"""What a file of the user's must satisfy so that its verdict is one of the user's change.

The search would be green for each of these: it would judge the design that the file was to change.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
import types
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from checker.language.refusal import Refused, loc_of
from checker.matrix.roles import ROLES, designs, home_of, role_of
from model.lang import Property
from model.machine import Machine

DERIVE_KERNEL = (
    "derive from Base (from model.designs.base import Base), or from V6 (model.designs.v6), which was merged"
)
DERIVE_ANY = (
    "derive from a whole one, e.g. Base or V6 (kernels), Qemu (a VMM), Linux (a guest): `eoi list` names them all"
)
DEFINING = ("typing", "enum", "dataclasses", "collections", "abc", "builtins")  # of the standard library
KNOWN_PACKAGES = frozenset(
    {"model", "properties", "checker", "oracles", "__future__", "typing_extensions", "functools", "operator", *DEFINING}
)
_DIFF = re.compile(r"diff --git |--- (?:a/|/dev/null)|@@ -\d|Index: |From [0-9a-f]{7,40} ")
_MAIL = re.compile(r"From |(?:From|To|Subject|Date|Message-I[dD]|Return-Path|Received|MIME-Version): ", re.IGNORECASE)
_HUNK = re.compile(r"^(?:diff --git |@@ -\d+(?:,\d+)? \+\d+)", re.MULTILINE)


def line_of_diff(source: str) -> int:
    """The first line (from 1) of a file that is a diff, alone or in a mail, where Python was to be; 0 for any other."""
    first = next((n for n, line in enumerate(source.splitlines(), 1) if line.strip()), 0)
    text = source.splitlines()[first - 1] if first else ""
    mailed = _MAIL.match(text) and _HUNK.search(source)
    return first if _DIFF.match(text) or mailed else 0


def check_lines(tree: ast.Module, path: Path) -> None:
    """Refuse what shares a line: which lines a step runs is what is told."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        met = set[int]()
        for stmt in (n for part in function.body for n in ast.walk(part) if isinstance(n, ast.stmt)):
            if stmt.lineno in met:
                hint = "write one a line: what no step runs is told by its line"
                raise Refused(loc_of(stmt, str(path)), "two statements on one line", hint)
            met.add(stmt.lineno)


def check_imports(tree: ast.Module, path: Path, beside: Collection[str]) -> None:
    """Refuse to import what could change what a file says without a change of it, or of the model."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            top = name.partition(".")[0]
            if name not in beside and top not in KNOWN_PACKAGES and importlib.util.find_spec(top) is not None:
                said = f"a design's file imports the model, {', '.join(DEFINING)} and files beside it, and {name} is none of these"
                raise Refused(loc_of(node, str(path)), said, "write into the file what it needs of it")


def check_functions(tree: ast.Module, module: types.ModuleType, path: Path) -> None:
    """Refuse a function outside of all classes that is no property (nothing ever calls it), and one that is replaced."""
    for body in [tree.body, *(n.body for n in tree.body if isinstance(n, ast.ClassDef))]:
        _defined_once([n for n in body if isinstance(n, ast.FunctionDef)], path)
    classes = [
        n for n, c in vars(module).items() if isinstance(c, type) and issubclass(c, Machine) and is_own(c, module)
    ]
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        if node.decorator_list and isinstance(vars(module).get(node.name), Property):
            continue
        into = f"class {classes[0]}" if len(classes) == 1 else f"the class that it belongs to ({', '.join(classes)})"
        hint = f"indent it into {into}" if classes else "write it into a class that derives from a design, e.g. Base"
        if not (node.args.args and node.args.args[0].arg == "self"):
            hint += "; a property has @always(), @leads_to() or @reachable() above it"
        raise Refused(loc_of(node, str(path)), f"{node.name}() is outside of every class, so nothing calls it", hint)


def import_line(name: str) -> str:
    """How a file gets a name of the model; "" if there is none of that name."""
    home = home_of(name)
    return f"from {home} import {name}" if home else ""


def check_names(tree: ast.Module, module: types.ModuleType, path: Path) -> None:
    """Refuse a name that a function of the file uses, that is the model's, and that the file does not import: what Python
    says of it would come when it is run, or be about something else."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        known = {*vars(module), *vars(builtins), *(n.arg for n in nodes if isinstance(n, ast.arg))}
        known |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in nodes:
            if isinstance(node, ast.Name) and node.id not in known and (line := import_line(node.id)):
                raise Refused(loc_of(node, str(path)), f"{node.id!r} is not imported", line)


def check_design(design: type[Machine], tree: ast.Module, module: types.ModuleType, path: Path) -> None:
    """Refuse a class that is no whole kernel, VMM, guest or device, or that changes nothing of its only base."""
    nodes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == design.__name__]
    if not nodes:  # it was not written with `class` at the top of the file
        return
    loc, parent = loc_of(nodes[-1], str(path)), next(c for c in design.__mro__ if not is_own(c, module))
    if not any(issubclass(design, bases) for bases in ROLES.values()):
        in_kernel = parent is not Machine and any(issubclass(kernel, parent) for kernel in ROLES["kernel"])
        said = "is only a part of the kernel" if in_kernel else "is no kernel, VMM, guest or device"
        raise Refused(loc, f"{parent.__name__} {said}", DERIVE_KERNEL if in_kernel else DERIVE_ANY)
    for node in nodes[-1].body:
        if isinstance(node, ast.FunctionDef):
            _check_restated(design, node, tree, path)
    if len(design.__bases__) == 1 and not any(map(_says_something, nodes[-1].body)):
        name = design.__bases__[0].__name__
        raise Refused(
            loc, f"{design.__name__} changes nothing of {name}", "restate in it the functions that your patch touches"
        )


def _check_restated(design: type[Machine], node: ast.FunctionDef, tree: ast.Module, path: Path) -> None:
    """Refuse what a patch writes where it means another thing: its own function for the one that it restates, or a
    function that its base does not have, but another design."""
    restated = any(node.name in vars(base) for base in design.__mro__[1:])
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if restated and name == node.name:
                said = f"{name}() calls itself, and recursion is not in the language"
                raise Refused(
                    loc_of(inner, str(path)), said, f"super().{name}(...) calls the function that it restates"
                )
            case _:
                pass
    called = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    others = {} if restated or node.name in called or node.decorator_list else designs()
    having = {name: cls for name, cls in others.items() if role_of(cls) == role_of(design) and hasattr(cls, node.name)}
    if having:
        first = "v6" if "v6" in having else next(iter(having))
        name, home, base = having[first].__name__, having[first].__module__, design.__bases__[0].__name__
        raise Refused(
            loc_of(node, str(path)), f"{base} has no {node.name}(), so nothing calls this; {first} has one",
            f"derive from {name} (from {home} import {name}), or call it where your patch does",
        )  # fmt: skip


def _defined_once(functions: Sequence[ast.FunctionDef], path: Path) -> None:
    last = {node.name: node for node in functions}
    for node in functions:
        if (other := last[node.name]) is not node:
            said = f"{node.name}() is defined again in line {other.lineno}, so this one is never called"
            raise Refused(loc_of(node, str(path)), said, "leave one of them")


def is_own(defined: type | Callable[..., object], module: types.ModuleType) -> bool:
    """Was the class or function defined in the file itself, not imported?"""
    return defined.__module__ == module.__name__


def _says_something(node: ast.stmt) -> bool:
    """Not a docstring, `...`, `pass` or where the patch comes from."""
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return False
        case ast.Assign(targets=[ast.Name(id="patch")]) | ast.AnnAssign(target=ast.Name(id="patch")):
            return False
        case _:
            return True
