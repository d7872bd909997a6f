"""Certificates of the default matrix, made and checked one after the other, the smallest cells first.

    python -m tools.certify_matrix FOLDER --designs base,v1,v6 --seconds 3600     work, until so many seconds have passed
    python -m tools.certify_matrix FOLDER --designs base,v1,v6 --write FILE.md    the table of what is in FOLDER/done.jsonl

It can be stopped at any moment and goes on where it was. Seconds are of the processor, of this process and of the checker's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from checker import files
from checker.certificate import by_case
from checker.command.certificates import file_name
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from checker.questions.certificates import certificate_of
from checker.questions.expected import rows_of_design
from checker.questions.gate import title_of
from checker.questions.verdict import check_cell
from checker.shipped import own
from model.lang import Property

EXPECTED = "reports/expected.toml"
DONE = "done.jsonl"
SAID = "ACCEPTED, by cases"


@dataclass(frozen=True)
class Done:
    """What became of a cell. make, check: seconds. left_out: verdicts that are asked and not in it. said: the checker's first
    word."""

    design: str
    cell: str
    states: int
    verdicts: int
    left_out: int
    size: int
    make: float
    check: float
    said: str


def cells_of(design: str) -> tuple[list[tuple[int, Cell]], Sequence[Property]]:
    """All that `eoi prove DESIGN` asks by default, with how many states each is expected to have."""
    path = own(EXPECTED)
    rows = rows_of_design(files.read_text(path), str(path), design)
    _, cells, _, wanted = select(selection(design))
    return [(rows[title_of(cell)].states, cell) for cell in cells], wanted


def processor() -> float:
    """Seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


def certified(design: str, cell: Cell, wanted: Sequence[Property], folder: Path, taken: set[str]) -> Done:
    begin = processor()
    result = check_cell(cell, [p for p in wanted if p.is_made_for(cell.system)], again=0)
    made = certificate_of(result, Limits())
    assert made is not None
    path = folder / design / file_name(cell, taken)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.content)
    between = processor()
    command = [sys.executable, "-I", by_case.__file__, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition(":")[0]
    skipped = sum(v.status.value == "SKIPPED" for v in result.verdicts)
    return Done(
        design, str(cell), result.stats.states, made.claims, len(made.without) - skipped, len(made.content),
        between - begin, processor() - between, said,
    )  # fmt: skip


def known(folder: Path) -> list[Done]:
    path = folder / DONE
    return [Done(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def work(folder: Path, designs: Sequence[str], seconds: float) -> None:
    until, finished = time.monotonic() + seconds, {(one.design, one.cell) for one in known(folder)}
    wanted = {design: cells_of(design) for design in designs}
    left = [(n, design, cell) for design in designs for n, cell in wanted[design][0]]
    folder.mkdir(parents=True, exist_ok=True)
    for _, design, cell in sorted(left, key=lambda one: one[0]):
        if time.monotonic() > until:
            return
        if (design, str(cell)) not in finished:
            one = certified(design, cell, wanted[design][1], folder, set())
            with (folder / DONE).open("a") as file:
                file.write(f"{json.dumps(asdict(one))}\n")


def table(folder: Path, designs: Sequence[str]) -> str:
    """What was done of each design, and of its cells; and how many were not."""
    found, lines = known(folder), list[str]()
    lines += [
        "| design | cells | accepted | states | verdicts | left out | MB | make s | check s |",
        "|---|" + "--:|" * 8,
    ]
    for design in designs:
        mine, every = [one for one in found if one.design == design], cells_of(design)[0]
        states = f"{sum(one.states for one in mine):,} of {sum(n for n, _ in every):,}"
        yes = sum(one.said == SAID for one in mine)
        sums = [sum(one.verdicts for one in mine), sum(one.left_out for one in mine)]
        size, make, checked = (sum(getattr(one, key) for one in mine) for key in ("size", "make", "check"))
        lines.append(
            f"| {design} | {len(mine)} of {len(every)} | {yes} | {states} | {sums[0]:,} | {sums[1]} | {size / 1e6:.1f} | "
            f"{make:.0f} | {checked:.0f} |"
        )
    lines += [
        "",
        "The largest of them, one of each size:",
        "",
        "| design | cell | states | bytes | make s | check s | ms/state |",
        "|---|---|" + "--:|" * 5,
    ]
    of_size = {one.states: one for one in sorted(found, key=lambda one: one.states)}
    for one in list(of_size.values())[:-13:-1]:
        each = 1000 * one.check / one.states
        lines.append(
            f"| {one.design} | {one.cell} | {one.states:,} | {one.size:,} | {one.make:.1f} | {one.check:.1f} | {each:.2f} |"
        )
    wrong = [one for one in found if one.said != SAID or one.left_out]
    lines += ["", *(f"* {one.design}: {one.cell}: {one.said}, {one.left_out} left out" for one in wrong)]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--designs", default="base,v1,v6")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    named = given.designs.split(",")
    work(given.folder, named, given.seconds)
    if given.write:
        given.write.write_text(table(given.folder, named))
