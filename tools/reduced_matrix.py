"""The matrix of the gate, reduced, beside what is expected of all states; and how many fewer states that takes, by design.

    python -m tools.reduced_matrix [--designs base,v1] [--jobs N]

0 differences: every verdict, every shortest length; and the number of states and the depth, where they follow from those that
were found.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from checker import files
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions import gate
from checker.questions.expected import Row, differences, from_toml, row_of
from checker.questions.reduced import check_reduced
from checker.shipped import own
from checker.words import count
from model.lang import Property

EXPECTED = "reports/expected.toml"
AT_A_TIME = 8  # systems of a design, one after the other in one process: these share what is lowered


@dataclass
class Tally:
    """Of some cells. why_not: how many were not reduced by a size, and why."""

    cells: int = 0
    reduced: int = 0
    kept: int = 0  # states, of those that were reduced
    all: int = 0  # of these cells, as it is expected
    why_not: Counter[str] = field(default_factory=Counter[str])
    differences: list[str] = field(default_factory=list[str])

    def add(self, other: Tally) -> None:
        self.cells, self.reduced = self.cells + other.cells, self.reduced + other.reduced
        self.kept, self.all = self.kept + other.kept, self.all + other.all
        self.why_not += other.why_not
        self.differences += other.differences

    def text(self) -> str:
        factor = f": {self.all / self.kept:.2f} times fewer" if self.kept else ""
        said = (
            f"{count(self.cells, 'cell')}, {self.reduced} reduced, {count(self.kept, 'state')} for {self.all:,}{factor}"
        )
        return f"{said}; {count(len(self.differences), 'difference')}"


def judge(cell: Cell, wanted: Sequence[Property], expected: Row | None, name: str) -> Tally:
    """expected: None where nothing is known of it, which is a difference."""
    result = check_reduced(cell, wanted, limits=Limits(gate.MAX_STATES))
    found, reduced = row_of(result), result.reduced
    assert reduced is not None
    listed = differences({"": {name: expected} if expected else {}}, {"": {name: found}})
    tally = Tally(1, differences=[str(d) for d in listed])
    if reduced.by:
        tally.reduced, tally.kept, tally.all = 1, result.stats.states, expected.states if expected else 0
    tally.why_not.update(f"{size}: {why}" for size, why in reduced.why_not.items())
    return tally


def judged(parts: Sequence[gate.Part], expected: dict[str, Row] | None = None) -> Tally:
    """Of some parts of one design. expected: default what the record says of it."""
    design = parts[0].design
    if expected is None:
        expected = from_toml(files.read_text(own(EXPECTED)), EXPECTED).get(design, {})
    known, cls, tally = all_properties(), gate.gated()[design], Tally()
    for part in parts:
        for cell in part.cells(cls):
            wanted = [known[name] for name in cls.default_roles.get("property", known)]
            tally.add(judge(cell, wanted, expected.get(part.title(cell)), f"{design}: {part.title(cell)}"))
    return tally


def parts_of(designs: Sequence[str]) -> list[list[gate.Part]]:
    """By design, a few at a time."""
    found = list[list[gate.Part]]()
    for _, group in itertools.groupby(gate.full_matrix(designs), lambda part: part.design):
        parts = list(group)
        found += [parts[n : n + AT_A_TIME] for n in range(0, len(parts), AT_A_TIME)]
    return found


def main(designs: Sequence[str], jobs: int) -> int:
    total, of_design = Tally(), dict[str, Tally]()
    work = parts_of(designs)
    left = Counter(parts[0].design for parts in work)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        for parts, tally in zip(work, pool.map(judged, work), strict=True):
            design = parts[0].design
            of_design.setdefault(design, Tally()).add(tally)
            left[design] -= 1
            if not left[design]:
                print(f"{design}: {of_design[design].text()}", flush=True)
            total.add(tally)
    print(f"all: {total.text()}")
    print("".join(f"  not by {why}, in {count(n, 'cell')}\n" for why, n in total.why_not.most_common()), end="")
    print("\n".join(total.differences))
    return 1 if total.differences or not total.reduced else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--designs", default="")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    sys.exit(main([name for name in options.designs.split(",") if name], options.jobs))
