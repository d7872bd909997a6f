"""Kernel trees that the user names: read, as far as the table of correspondences asks for them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from checker import files
from checker.errors import UserError
from checker.matrix import lifting
from checker.matrix.roles import designs
from lift.refusal import NotLifted
from lift.tree import Tree
from model.machine import Machine

RELEASED = ("base", "v6")  # designs that a released kernel is; the later ones have functions of their own
_VERSION = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)", re.MULTILINE)


@dataclass(frozen=True)
class KernelTree:
    """name: of its folder, with the version that its Makefile says."""

    name: str
    tree: Tree


def read_tree(argument: str) -> KernelTree:
    """Raises UserError."""
    root = Path(argument)
    texts = {name: files.read_text(root / name) for name in _sources(root)}
    try:
        tree = Tree(texts)
    except NotLifted as refused:
        raise UserError(str(refused.in_file(argument))) from None
    if not tree.names() & {row.c for row in lifting.table().functions}:
        raise UserError(f"{argument}: no function of {lifting.SHOWN} is in it")
    return KernelTree(_named(root), tree)


def _sources(root: Path) -> list[str]:
    if not root.is_dir():
        raise UserError(f"{root}: {_no_tree(root)}")
    rows = lifting.table().rows["sources"]
    wanted = [row.left for row in rows]
    found = [name for name in wanted if (root / name).is_file()]
    if not found:
        above = next((p for p in root.absolute().parents if any((p / name).is_file() for name in wanted)), None)
        advice = f"; its tree is {above}" if above is not None else f": {wanted[0]} is not in it"
        raise UserError(f"{root}: this is no kernel tree{advice}")
    missing = next((row.left for row in rows if row.left not in found and not row.why), "")
    if missing:
        raise UserError(f"{root}: this is no whole kernel tree: {missing} is not in it")
    return found


def _no_tree(root: Path) -> str:
    """What is wrong with a path that is no directory, and the nearest that is one."""
    if root.exists():
        return "a kernel's source is a directory: unpack it, and name that"
    beside = [p.name for p in root.absolute().parent.glob("*") if p.is_dir()] if root.absolute().parent.is_dir() else []
    near = difflib.get_close_matches(root.name, beside, 1)
    return "there is no such directory" + (f"; did you mean {root.with_name(near[0])}?" if near else "")


def _named(root: Path) -> str:
    name = root.resolve().name
    makefile = root / "Makefile"
    said = dict(_VERSION.findall(files.read_text(makefile))) if makefile.is_file() else {}
    if not {"VERSION", "PATCHLEVEL"} <= set(said):
        return name
    return f"{name} ({'.'.join(said[k] for k in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL') if said.get(k))})"


def nearest(tree: Tree) -> str:
    """The design that a kernel is: the last of those that were released of which it has the functions."""
    known = set[str]()
    found = RELEASED[0]
    for name in RELEASED:
        own = _functions(designs()[name]) - known
        if known and own and own <= tree.names():
            found = name
        known |= own
    return found


def _functions(design: type[Machine]) -> set[str]:
    return {n for cls in design.__mro__ for n, f in vars(cls).items() if callable(f) and n[0] != "_"}
