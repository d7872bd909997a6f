"""What a file of the user's must satisfy so that its verdict is one of the user's change.

The search would be green for each of these: it would judge the design that the file was to change.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from checker.language.refusal import Refused, loc_of
from checker.matrix.roles import ROLES
from model.lang import Property
from model.machine import Machine

DERIVE_KERNEL = (
    "derive from Base (from model.designs.base import Base), or from V6 (model.designs.v6), which was merged"
)
DERIVE_ANY = (
    "derive from a whole one, e.g. Base or V6 (kernels), Qemu (a VMM), Linux (a guest): `eoi list` names them all"
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
    if len(design.__bases__) == 1 and not any(map(_says_something, nodes[-1].body)):
        name = design.__bases__[0].__name__
        raise Refused(
            loc, f"{design.__name__} changes nothing of {name}", "restate in it the functions that your patch touches"
        )


def _defined_once(functions: Sequence[ast.FunctionDef], path: Path) -> None:
    last = {node.name: node for node in functions}
    for node in functions:
        if (other := last[node.name]) is not node:
            said = f"{node.name}() is defined again in line {other.lineno}, so this one is never called"
            raise Refused(loc_of(node, str(path)), said, "leave one of them")


def is_own(defined: type | Callable[..., Any], module: types.ModuleType) -> bool:
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
