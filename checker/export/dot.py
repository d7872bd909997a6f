"""All reachable states as a graph in DOT: each a node with what it holds, each transition an edge with its step."""

from __future__ import annotations

from collections.abc import Sequence

from checker.engine.reference import Explored, Move
from checker.language.layout import Leaf
from checker.stories.diagram import attributes, quoted
from checker.stories.trace import show
from model.finite import decode


def write(found: Explored, moves: Sequence[Move], leaves: Sequence[Leaf], head: Sequence[str]) -> str:
    """head: lines that say what it is. What a state holds is said of fields that are not the same in all of them."""
    varying = [n for n in range(len(leaves)) if len({state[n] for state in found.states}) > 1]
    lines = ["digraph states {", f"  label={quoted(chr(10).join(head))};", "  node [shape=box];"]
    for number, codes in enumerate(found.states):
        held = [f"{leaves[n]} = {show(decode(leaves[n].type, codes[n]))}" for n in varying]
        label = "\n".join([str(number), *held])
        lines.append(f"  s{number} [{attributes({'label': label, **({'peripheries': '2'} if number == 0 else {})})}];")
    for source, move, target in found.edges:
        args = ", ".join(map(show, moves[move].args))
        lines.append(f"  s{source} -> s{target} [{attributes({'label': f'{moves[move].step}({args})'})}];")
    return "\n".join([*lines, "}"]) + "\n"
