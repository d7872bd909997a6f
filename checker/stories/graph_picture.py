"""A graph of states as a picture: Graphviz places the nodes (dot), the colours are those of diagrams."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checker.stories.diagram import attributes, draw, quoted
from checker.stories.diagram_svg import CLASSES, FONT, restyled

_STEPS = 3  # names, at most, at one edge
_LINES, _COLUMNS = 5, 36  # of a node: more lines are filled up


@dataclass(frozen=True)
class DrawnNode:
    """lines: of text; initial: an arrow comes from nowhere; marked: it shows what is asked; final: no run leaves it."""

    lines: Sequence[str]
    initial: bool
    marked: bool
    final: bool


def to_dot(title: Sequence[str], nodes: Sequence[DrawnNode], steps: Mapping[tuple[int, int], Sequence[str]]) -> str:
    """The graph as DOT text. steps: what stands at the edge from one node to another."""
    head = "".join(f"{line}\n" for line in title)
    graph = {"bgcolor": CLASSES["paper"].fill, "pad": "0.15", "nodesep": "0.3", "ranksep": "0.35", "fontsize": "12"}
    graph |= {"label": head, "labelloc": "t", "labeljust": "l", "fontname": FONT, "layout": "dot"}
    lines = ["digraph states {", *(f"  {name}={quoted(value)};" for name, value in graph.items())]
    lines += [f'  node [shape=box, fontname="{FONT}", fontsize=10, margin="0.12,0.06"];']
    lines += [f'  edge [fontname="{FONT}", fontsize=8.5, arrowsize=0.7];']
    pale = {"class": "pale", "color": CLASSES["pale"].text, "fontcolor": CLASSES["pale"].text}
    for number, node in enumerate(nodes):
        kind = "shown" if node.marked else "state"
        look = CLASSES[kind]
        style = {"style": "rounded,filled", "class": kind, "fillcolor": look.fill, "color": look.line}
        style |= {"fontcolor": look.text, "penwidth": "2.4" if node.final else "1"}
        label = "\v".join(_short(node.lines))
        lines.append(f"  s{number} [{attributes({'label': label, **style})}];")
        if node.initial:
            lines += [f"  begin [{attributes({'shape': 'point', 'width': '0.06', **pale})}];"]
            lines += [f"  begin -> s{number} [{attributes(pale)}];"]
    for (source, target), names in steps.items():
        shown = [*names[:_STEPS], *[f"{len(names) - _STEPS} more"] * (len(names) > _STEPS)]
        label = "".join(f"\u00a0{name}\n" for name in shown)
        lines.append(f"  s{source} -> s{target} [{attributes({'label': label, **pale})}];")
    return "\n".join([*lines, "}"]) + "\n"


def _short(lines: Sequence[str]) -> Sequence[str]:
    """Texts below one another; where there are many, as many in a line as fit."""
    return lines if len(lines) <= _LINES else textwrap.wrap(", ".join(lines), _COLUMNS)


def render(dot: str, form: str, title: str, told: str) -> bytes:
    """In one of diagram.FORMATS. title, told: of an SVG. Raises StoryError if pygraphviz is missing."""
    if form == "dot":
        return dot.encode()
    drawn = draw(dot, form, "dot", "")
    return restyled(drawn, title, told) if form == "svg" else drawn
