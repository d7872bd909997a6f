"""Find the parts of a function's IR, and put others in their place.

A path leads from a function to a node: (("body", 2), ("test", None), ("left", None)) is the left operand of the
condition of its third statement. `site` numbers the nodes in source order; it does not depend on the scope's sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeAlias

from checker.language import ir

Path: TypeAlias = tuple[tuple[str, int | None], ...]
Block: TypeAlias = tuple[ir.Stmt, ...]


@dataclass(frozen=True)
class Site:
    """A node of a function and where it stands. `parent` holds it in `field` (at `index`, if that is a tuple)."""

    number: int
    path: Path
    node: Any
    parent: Any
    field: str
    index: int | None


def sites(function: ir.Function) -> list[Site]:
    """Every statement, expression and place of a function, in source order."""
    return [Site(number, *found) for number, found in enumerate(_below(function, ()))]


def _below(parent: Any, path: Path) -> Iterator[tuple[Path, Any, Any, str, int | None]]:
    for name, index, node in _children(parent):
        here = (*path, (name, index))
        yield here, node, parent, name, index
        yield from _below(node, here)


def _children(node: Any) -> Iterator[tuple[str, int | None, Any]]:
    for part in fields(node):
        value = getattr(node, part.name)
        if isinstance(value, tuple):
            yield from ((part.name, i, one) for i, one in enumerate(value) if _is_code(one))
        elif _is_code(value):
            yield part.name, None, value


def _is_code(value: Any) -> bool:
    """A statement, an expression or a place."""
    of_ir = is_dataclass(value) and type(value).__module__ == ir.__name__
    return of_ir and not isinstance(value, ir.Loc | ir.Param | ir.Function)


def put(node: Any, path: Path, new: Any) -> Any:
    """The node with `new` at the end of the path. In a block, a tuple of statements takes the place of one."""
    if not path:
        return new
    (name, index), rest = path[0], path[1:]
    old = getattr(node, name)
    if index is None:
        return replace(node, **{name: put(old, rest, new)})
    changed = put(old[index], rest, new)
    inserted = changed if isinstance(changed, tuple) else (changed,)
    return replace(node, **{name: (*old[:index], *inserted, *old[index + 1 :])})


def block_at(function: ir.Function, path: Path) -> Block:
    """The block that the statement at the end of a path stands in."""
    node: Any = function
    for name, index in path[:-1]:
        node = getattr(node, name) if index is None else getattr(node, name)[index]
    block: Block = getattr(node, path[-1][0])
    return block


def put_block(function: ir.Function, path: Path, block: Block) -> ir.Function:
    """The function with another block around the statement at the end of the path."""
    (name, _), above = path[-1], path[:-1]
    node: Any = function
    for part, index in above:
        node = getattr(node, part) if index is None else getattr(node, part)[index]
    changed: ir.Function = put(function, above, replace(node, **{name: block}))
    return changed


def statement_of(function: ir.Function, path: Path) -> Path:
    """The path of the innermost statement around a node (the node itself, if it is one)."""
    node: Any = function
    found: Path = ()
    for depth, (name, index) in enumerate(path, 1):
        node = getattr(node, name) if index is None else getattr(node, name)[index]
        if isinstance(node, ir.Stmt):
            found = path[:depth]
    return found
