"""Run the cells of a matrix side by side, with progress, limits and Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from checker.native import Stats
from checker.progress import Progress
from checker.registry import Cell
from checker.search import Limits
from checker.verdict import CellResult, check_cell
from model.lang import Property


@dataclass(frozen=True)
class Campaign:
    """results: in matrix order. unexplored: cells that were not begun when the user interrupted."""

    results: tuple[CellResult, ...]
    unexplored: tuple[Cell, ...] = ()
    interrupted: bool = False


def default_memory() -> int:
    """Bytes that all searches together may use unless told otherwise: 60 % of what is available."""
    try:
        with open("/proc/meminfo", encoding="ascii") as info:
            fields = dict(line.split(":") for line in info)
        return int(int(fields["MemAvailable"].split()[0]) * 1024 * 0.6)
    except (OSError, KeyError, ValueError):
        return 2 << 30


def run_campaign(
    cells: Sequence[Cell], wanted: Sequence[Property], known: Mapping[str, Property], *, engine: str, limits: Limits
) -> Campaign:
    """Check every cell; two or more at a time where there are processors for it. Errors of a cell are raised."""
    workers = max(1, min(len(cells), os.cpu_count() or 1))
    memory = limits.max_bytes if limits.max_bytes is not None else default_memory()
    each = Limits(limits.max_states, memory // workers, limits.seconds)
    progress, stop = Progress(len(cells)), threading.Event()

    def work(number: int) -> CellResult | None:
        if stop.is_set():
            return None
        cell = cells[number]

        def watch(stats: Stats) -> None:
            progress.watch(number, str(cell), stats)

        try:
            return check_cell(cell, wanted, known, engine=engine, limits=each, on_progress=watch, stop=stop)
        except BaseException:
            stop.set()
            raise
        finally:
            progress.finished(number)

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, number) for number in range(len(cells))]
        interrupted = _wait(futures, progress, stop)
    for future in futures:  # the first cell that failed, in matrix order
        if future.exception() is not None:
            raise future.exception() or AssertionError
    results = [future.result() for future in futures]
    left = [cell for cell, result in zip(cells, results, strict=True) if result is None]
    return Campaign(tuple(r for r in results if r is not None), tuple(left), interrupted)


def _wait(futures: Sequence[Future[CellResult | None]], progress: Progress, stop: threading.Event) -> bool:
    """Wait for all, showing progress; Ctrl-C asks the searches to stop and waits on. True if that happened."""
    pending = set(futures)
    while pending:
        try:
            _, pending = wait(pending, timeout=0.1)
            progress.show()
        except KeyboardInterrupt:
            stop.set()
    progress.close()
    return stop.is_set()
