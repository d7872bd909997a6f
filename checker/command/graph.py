"""`eoi graph`: the reachable states of one small cell, as text and as a picture."""

from __future__ import annotations

import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence

from checker import files
from checker.command.exits import Exit
from checker.command.one_cell import one_cell
from checker.command.trace import outputs_of
from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.questions.report import scope_text
from checker.questions.state_graph import Node, StateGraph, ends, state_graph
from checker.stories import graph_picture
from checker.words import count
from model.lang import Property

WIDTH = 80
SMALL = {"cpus": 1, "pins": 1, "vectors": 1}


def run(options: Namespace) -> int:
    """Print the nodes and who goes where; write pictures."""
    outputs = outputs_of(options)
    cell, p = one_cell(options.asked, "a graph", SMALL), _property(options)
    graph = state_graph(cell, options.by or [], p)
    lines = told(cell, graph, p)
    print("\n".join(lines))
    finals = ends(graph)
    nodes = [
        graph_picture.DrawnNode([*_texts(node), *_how_many(node)], node.starts, node.shows, number in finals)
        for number, node in enumerate(graph.nodes)
    ]
    dot = graph_picture.to_dot([*lines[:3], *_legend(graph, p)], nodes, graph.steps)
    for form, path in outputs:
        files.write_bytes(path, graph_picture.render(dot, form, lines[0], "\n".join(lines)))
        print(f"graph: {path}", file=sys.stderr)
    return Exit.FINE


def _property(options: Namespace) -> Property | None:
    wanted = options.asked.wanted if options.property else []
    if len(wanted) > 1:
        raise UserError(f"--property: one at most can be marked, not {', '.join(p.name for p in wanted)}")
    return wanted[0] if wanted else None


def told(cell: Cell, graph: StateGraph, p: Property | None) -> list[str]:
    """The graph as text: what it is of, how large it is, then each node with where it goes."""
    kernel = f"{cell.names['kernel']}: " if cell.subject == "kernel" else ""
    size = f"{count(graph.states, 'state')}, {count(graph.transitions, 'transition')}"
    drawn = f"{count(len(graph.nodes), 'node')}, {count(len(graph.steps), 'edge')}"
    hidden = f" ({count(graph.hidden, 'transition')} within one)" * bool(graph.hidden)
    lines = [f"{kernel}{cell}", size, f"alike in what is shown: {drawn}{hidden}"]
    lines += [f"Scope: {scope_text(cell.scope)}"]
    if p is not None:
        shown = sum(node.shows for node in graph.nodes)
        lines.append(f"{p.name}: {'reached' if p.kind == 'reachable' else 'violated'} in {count(shown, 'node')}")
    finals = ends(graph)
    for number, node in enumerate(graph.nodes):
        about = ["initial"] * node.starts + ["marked"] * node.shows + ["no run leaves it"] * (number in finals)
        lines += ["", f"{number}: {', '.join(_texts(node))}" + f"  [{'; '.join(about)}]" * bool(about)]
        edges = [(target, names) for (source, target), names in graph.steps.items() if source == number]
        lines += [f"   -> {target}: {name}" for target, names in edges for name in names]
    return [row for line in lines for row in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip(" ")) + 3)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _legend(graph: StateGraph, p: Property | None) -> list[str]:
    """What marks mean that are in the picture."""
    verb = "is a witness of" if p is not None and p.kind == "reachable" else "violates"
    marked = (
        [f"In colour: a state of it {verb} {p.name}."] if p is not None and any(n.shows for n in graph.nodes) else []
    )
    return marked + ["Thick: no run leaves these."] * bool(ends(graph))


def _texts(node: Node) -> Sequence[str]:
    return [text for _, text in node.values] or ["nothing is set"]


def _how_many(node: Node) -> list[str]:
    return [f"({node.states} states)"] * (node.states > 1)
