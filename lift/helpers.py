"""Functions of C that a row summarises or leaves out, and the table does not lift: each version for which the row is right is
known by a hash of its tokens. Another one may do something else than the row says."""

from __future__ import annotations

from collections.abc import Iterator

from lift.constants import value_of
from lift.cparse import Expr, expression
from lift.table import Row, Table
from lift.tree import Tree

_SECTIONS = ("objects", "expressions", "statements", "loops", "assume", "ignore")


def alarms(table: Table, tree: Tree, used: set[int]) -> list[str]:
    """`name => hash` of each helper of these rows that the table does not know as it is in the tree, and `#define name value` of
    each constant in them that has another value there."""
    known = {row.left: row for row in table.rows["helpers"]}
    out = list[str]()
    for name in sorted(helpers(table, tree, used)):
        if name in known:
            table.used.add(known[name].line)
        if name not in known or tree.digest(name) not in known[name].right.split():
            out.append(f"{name} => {tree.digest(name)}")
    return out + _other_values(table, tree, used)


def _other_values(table: Table, tree: Tree, used: set[int]) -> list[str]:
    constants = {row.left: row.right for row in table.rows["constants"]}
    rows = [row for section in _SECTIONS for row in table.rows[section] if row.line in used and row.pattern is not None]
    named = {name for row in rows if row.pattern is not None for name in _names(row.pattern)} & set(constants)
    for row in table.rows["constants"]:
        table.used |= {row.line} if row.left in named else set()
    return [
        f"#define {name} {tree.defines[name]}"
        for name in sorted(named & set(tree.defines))
        if value_of(expression(name), tree.defines) != value_of(expression(name), constants)
    ]


def _names(e: Expr) -> Iterator[str]:
    if e.kind == "id":
        yield e.text
    for part in e.args:
        yield from _names(part)


def helpers(table: Table, tree: Tree, used: set[int]) -> set[str]:
    """Functions of the tree that these rows name, and that have no row in [functions] of their own."""
    lifted = {row.c for row in table.functions}
    rows = [row for section in _SECTIONS for row in table.rows[section] if row.line in used]
    return {name for row in rows for name in _called(row)} & tree.names() - lifted


def _called(row: Row) -> Iterator[str]:
    if row.pattern is not None:
        yield from _callees(row.pattern)
    elif row.left.isidentifier():
        yield row.left


def _callees(e: Expr) -> Iterator[str]:
    if e.callee:
        yield e.callee
    for part in e.args:
        yield from _callees(part)
