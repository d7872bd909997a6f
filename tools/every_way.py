"""Every way to search says the same: of each cell the verdicts, counts, lengths and the text of every story, by one thread and by each
other way.

    python -m tools.every_way [--designs base,v1,v6] [--ways threads,spill,resume,processes,ray1,ray2] [--jobs N]

threads: two, from the first state on. spill: half of the memory that it took, or as little more as will do, so that the rest lies on
disk. resume: cut short at half of its states, and gone on with. ray1, ray2: by one worker, by two.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from checker.engine import checkpoint, native
from checker.engine.checkpoint import Checkpoints
from checker.engine.native import Outcome
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from checker.questions.campaign import run_campaign
from checker.questions.verdict import Account, CellResult, Verdict, check_cell
from checker.stories.write import to_text
from checker.words import count
from model.lang import Property

ANEW = 1 << 40  # states: a limit that no cell reaches, so that nothing which was kept is taken
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.94, 0.97)  # of the memory that a cell took, of which the slots cannot be on disk
Answer = tuple[str, bool]  # a hash of what it says; did it go that way?


def story(cell: Cell, verdict: Verdict) -> str:
    if verdict.run is None:
        return ""
    told = Account(cell, verdict.property, verdict.property.name, verdict.run)
    return to_text(told.trace(verdict.binding, "eoi"))


def said(result: CellResult) -> str:
    stats = result.stats
    counts = stats.states, stats.transitions, stats.depth, result.outcome.name, result.never_fired
    verdicts = [
        (v.property.name, v.status.name, v.note, str(v.binding), story(result.cell, v)) for v in result.verdicts
    ]
    return hashlib.sha256(repr((counts, verdicts)).encode()).hexdigest()


def one(cell: Cell, wanted: Sequence[Property]) -> Answer:
    return said(check_cell(cell, wanted, limits=Limits(threads=1))), True


def threads(cell: Cell, wanted: Sequence[Property]) -> Answer:
    native.BORDER = 0
    return said(check_cell(cell, wanted, limits=Limits(threads=2))), True


def spill(cell: Cell, wanted: Sequence[Property]) -> Answer:
    took = check_cell(cell, wanted, limits=Limits(threads=1)).stats.bytes
    for share in SHARES:
        result = check_cell(cell, wanted, limits=Limits(threads=1, max_bytes=int(share * took)))
        if result.outcome is not Outcome.MEMORY_LIMIT:
            break
    return said(result), result.stats.disk_bytes > 0


def resume(cell: Cell, wanted: Sequence[Property]) -> Answer:
    checkpoint.SECONDS, checkpoint.SHARE = 0.0, 0
    states = check_cell(cell, wanted, limits=Limits(threads=1)).stats.states
    check_cell(
        cell, wanted, limits=Limits(max_states=max(1, states // 2), threads=1, checkpoints=Checkpoints()), again=0
    )
    again = Checkpoints(resume=True)
    found = check_cell(cell, wanted, limits=Limits(threads=1, checkpoints=again))
    return said(found), bool(again.resumed)


def elsewhere(on: str, cells: Sequence[Cell], wanted: Sequence[Property]) -> list[Answer]:
    if on.startswith("ray"):
        ray: Any = importlib.import_module("ray")
        ray.init(
            address="local", num_cpus=int(on[3:]), include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
    try:
        limits = Limits(max_states=ANEW, on=on.rstrip("12"))
        found = run_campaign(cells, wanted, engine="auto", limits=limits, everywhere=False)
        assert found.whole and len(found.results) == len(cells)
        return [(said(result), True) for result in found.results]
    finally:
        if on.startswith("ray"):
            ray.shutdown()


WAYS: dict[str, Callable[[Cell, Sequence[Property]], Answer]] = {"threads": threads, "spill": spill, "resume": resume}
ELSEWHERE = ("processes", "ray1", "ray2")


def _number(way: str, design: str, number: int) -> Answer:
    cell, asked = _cells(design)[number]
    return {**WAYS, "one": one}[way](cell, asked)


@functools.cache
def _cells(design: str) -> list[tuple[Cell, Sequence[Property]]]:
    _, cells, _, wanted = select(selection(design))
    return [(cell, [p for p in wanted if p.is_made_for(cell.system)]) for cell in cells]


def by_way(way: str, design: str, jobs: int) -> list[Answer]:
    """Of each cell, in matrix order."""
    if way in ELSEWHERE:
        _, cells, _, wanted = select(selection(design))
        return elsewhere(way, cells, wanted)
    numbers = range(len(_cells(design)))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        return list(pool.map(functools.partial(_number, way, design), numbers, chunksize=8))


def main(designs: Sequence[str], ways: Sequence[str], jobs: int) -> int:
    wrong = 0
    for design in designs:
        plain = by_way("one", design, jobs)
        print(f"{design}: {count(len(plain), 'cell')}", flush=True)
        for way in ways:
            found = by_way(way, design, jobs)
            other = [n for n, (a, b) in enumerate(zip(plain, found, strict=True)) if a[0] != b[0]]
            went = sum(did for _, did in found)
            print(f"  {way}: {went} of {len(found)} went that way, {count(len(other), 'difference')}", flush=True)
            print("".join(f"    {_cells(design)[n][0]}\n" for n in other), end="")
            wrong += len(other) + (went == 0)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--designs", default="base,v1,v6")
    parser.add_argument("--ways", default=",".join([*WAYS, *ELSEWHERE]))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    sys.exit(main(given.designs.split(","), given.ways.split(","), given.jobs))
