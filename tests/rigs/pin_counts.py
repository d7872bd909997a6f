"""Writes counts.txt: run it when the model changed and the change was meant to.

    python -m tests.rigs.pin_counts

A row is written only after the C engine and CPython reached the same set of states by the same edges. A row that is
there already and whose C count still agrees is kept without asking CPython again, unless --all is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.rigs.model_cells import Explored, cells, explore, graph_of, title

COUNTS = Path(__file__).parents[1] / "agree" / "counts.txt"
HEADER = """\
# Reachable states, transitions and breadth-first levels of every cell at its default scope.
# Written by pin_counts.py, each row only after two engines reached the same set of states by the same edges.
# design kernel vmm ioapic guest device cpus/pins/vectors"""
Row = tuple[int, int, int]


def pinned() -> dict[str, Row]:
    """The rows of counts.txt by the cell's title."""
    rows = {}
    for line in COUNTS.read_text().splitlines() if COUNTS.exists() else []:
        if line and not line.startswith("#"):
            name, _, numbers = line.partition("|")
            states, transitions, levels = map(int, numbers.split())
            assert name.strip() not in rows, f"two rows for {name}"
            rows[name.strip()] = (states, transitions, levels)
    return rows


def counted(explored: Explored) -> Row:
    """States, transitions and breadth-first levels, as the engine reports them."""
    stats = explored.search.stats()
    return stats.states, stats.transitions, stats.depth


def main() -> None:
    old, lines = pinned(), [HEADER]
    for pair in cells():
        name = title(*pair)
        native = explore(pair[1])
        row = counted(native)
        if old.get(name) != row or "--all" in sys.argv:
            ours, theirs = graph_of(native), graph_of(explore(pair[1], "reference"))
            assert (ours.states, ours.edges) == (theirs.states, theirs.edges), name
            print(f"{name}: {row}, two engines agree", flush=True)
        lines.append(f"{name:56} | {row[0]:8} {row[1]:9} {row[2]:4}")
    COUNTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
