"""The model's functions as the C has them: in its order, with the rest of a function in it, and without names of places."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence

from lift.nodes import Node, from_row, in_a_row, nodes_of
from lift.surface import Surface
from lift.table import Table


class Shapes:
    """`rte = self.ioapic[pin]` names a place: it stands wherever one likes, and a hunk of C does not show it."""

    def __init__(self, table: Table, surface: Surface) -> None:
        self.table, self.surface = table, surface

    def _body(self, function: str) -> Sequence[ast.stmt]:
        """Nothing of one that a patch brought."""
        shape, own = self.table.shapes.get(function), self.surface.functions.get(function)
        return ast.parse(shape).body if shape is not None else own.body if own is not None else []

    def part(self, function: str) -> str:
        """The function of the model that is the rest of this one in C, or ""."""
        row = next((r for r in self.table.rows["parts"] if r.left == function), None)
        return row.right if row is not None else ""

    def places(self, function: str) -> dict[str, str]:
        """name -> what it names."""
        own = self.surface.functions.get(function)
        if own is None:  # a patch brought it
            return {}
        found, names = dict[str, str](), self.surface.parameter_types(function)
        for s in own.body:
            match s:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    text = ast.unparse(value)
                    if self.surface.type_of(text, names, {}) in self.surface.fields:
                        found[name] = text
        return found | (self.places(part) if (part := self.part(function)) else {})

    def locals(self, function: str) -> dict[str, str]:
        """name -> text of its first value, in the order of the C."""
        found = dict(self.places(function))
        for s in [*self._body(function), *(self._body(part) if (part := self.part(function)) else ())]:
            for node in ast.walk(s):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found.setdefault(node.targets[0].id, ast.unparse(node.value))
        return found

    def loops(self, function: str) -> list[str]:
        """The heads of its loops."""
        found = [n for s in self._body(function) for n in ast.walk(s) if isinstance(n, ast.For)]
        return [f"for {ast.unparse(n.target).strip('()')} in {ast.unparse(n.iter)}" for n in found]

    def nodes(self, function: str, now: Mapping[str, list[Node]]) -> list[Node]:
        """Without its places. now: functions as they are, if they are not the model's."""
        named = {f"{name} = {text}" for name, text in self.places(function).items()}
        own = now[function] if function in now else nodes_of(self._body(function))
        own = [n for n in own if n.kind != "do" or n.text not in named]
        if (part := self.part(function)) and own[-1:] == [self._call(part)]:
            self.table.used |= {r.line for r in self.table.rows["parts"] if r.left == function}
            return [*own[:-1], *self.nodes(part, now)]
        return own

    def _call(self, part: str) -> Node:
        return Node("do", f"self.{part}({', '.join(self.surface.parameters(part))})")

    def split(self, function: str, new: list[Node], now: Mapping[str, list[Node]]) -> dict[str, list[Node]]:
        """The functions that this one is again, after a change of what `nodes` gave; whole, if it is of both parts."""
        part = self.part(function)
        own = now[function] if function in now else nodes_of(self._body(function))
        if not part or own[-1:] != [self._call(part)]:
            return {function: new}
        tail, row = in_a_row(self.nodes(part, now)), in_a_row(new)
        head = in_a_row(self.nodes(function, now))[: -len(tail)]
        try:
            if row[-len(tail) :] == tail:
                return {function: [*from_row(row[: -len(tail)]), self._call(part)]}
            if row[: len(head)] == head:
                rest = from_row(row[len(head) :])
                foreign = {*self.surface.parameters(function)} - {*self.surface.parameters(part)}
                if not foreign & loaded(rest):
                    return {part: rest}
        except ValueError:
            pass  # the change is about the border
        return {function: new}

    def with_places(self, function: str, nodes: list[Node]) -> list[Node]:
        """As a function of the model: with the places that it uses."""
        if function not in self.surface.functions:
            return nodes
        used = loaded(nodes)
        return [
            *(Node("do", f"{name} = {text}") for name, text in self.places(function).items() if name in used),
            *nodes,
        ]

    def unset(self, function: str, nodes: Sequence[Node]) -> str:
        """A local of the model's that is read before it has a value, or ""; where it has one is as in the order of the lines."""
        waiting = set(self.locals(function)) - set(self.places(function))
        for item in in_a_row(nodes):
            if read := waiting & _names(item, ast.Load):
                return min(read)
            waiting -= _names(item, ast.Store)
        return ""


def loaded(nodes: Sequence[Node]) -> set[str]:
    """The names that are read."""
    return {name for item in in_a_row(nodes) for name in _names(item, ast.Load)}


def _names(item: str, context: type[ast.expr_context]) -> set[str]:
    """Of one item of a function in a row."""
    word, _, rest = item.partition(" ")
    if not rest:
        return set()
    tree = ast.parse({"do": rest, "if": rest}.get(word, f"{item}:\n    pass"))
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def loop_types(head: str, type_of: Callable[[str], str]) -> dict[str, str]:
    """The names that a loop over a table gives values to, with their types."""
    names, _, over = head.removeprefix("for ").partition(" in ")
    table = type_of(re.sub(r"\.(items|values)\(\)$", "", over))
    key, _, value = table[6:-1].partition(", ") if table.startswith("Table[") else ("", "", "")
    types = [key, value] if over.endswith(".items()") else [value if over.endswith(".values()") else key]
    return dict(zip(re.findall(r"\w+", names), types, strict=False))
