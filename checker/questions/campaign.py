"""Run the cells of a matrix side by side, with progress, limits and Ctrl-C."""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker.engine import kept
from checker.engine.checkpoint import Checkpoints, unheard
from checker.engine.compiling import Stopped, stopped_by
from checker.engine.native import Outcome, Stats
from checker.engine.passages import SourceLine, never_run
from checker.engine.search import Limits
from checker.engine.spill_folder import default_disk
from checker.interrupt import ctrl_c_sets
from checker.matrix.carried import pack, unpack
from checker.matrix.cells import Cell
from checker.matrix.roles import default_devices
from checker.progress import Progress
from checker.questions import elsewhere
from checker.questions.both import BOTH, by_engine
from checker.questions.kept_answers import found_out, known
from checker.questions.own_word import own_word
from checker.questions.recheck import once, record_of, share
from checker.questions.restated import asked_for
from checker.questions.unvaried import Unvaried, open_because
from checker.questions.verdict import CellResult, Status, asked_of, check_cell
from model.lang import Design, Kind, Property

REDUCED = "checker.questions.reduced"  # and symbolic runs: loaded only where it is asked for
RELATION = "checker.questions.relation"  # and z3: loaded only where there is a file of the user's
CGROUP = Path("/sys/fs/cgroup")  # of the container, if we are in one


@dataclass(frozen=True)
class Campaign:
    """results: in matrix order. unexplored: cells without a result, because the user interrupted before they were begun
    or because memory ran out where a search cannot stop in order (out_of_memory). unvaried: what of the scope no cell has."""

    results: tuple[CellResult, ...]
    unexplored: tuple[Cell, ...] = ()
    interrupted: bool = False
    out_of_memory: tuple[Cell, ...] = ()
    unvaried: tuple[Unvaried, ...] = ()

    @property
    def whole(self) -> bool:
        """Nothing was cut short from outside of the cells."""
        return not self.interrupted and not self.unexplored

    @property
    def violated(self) -> bool:
        return any(v.status is Status.VIOLATED for result in self.results for v in result.verdicts)

    @property
    def open(self) -> bool:
        """Some question has no answer, or none was asked that says anything here."""
        unknown = any(v.status is Status.INCONCLUSIVE for result in self.results for v in result.verdicts)
        return unknown or not self.whole or ran_nothing(self.results) or judged_nothing(self.results)

    @property
    def undecided(self) -> bool:
        """That, or no verdict speaks of some line of the user's or of some choice that it reads, or some takes the user's word."""
        return self.open or bool(lines_never_run(self.results) or self.own_word or open_because(self.unvaried))

    @property
    def own_word(self) -> list[str]:
        """What the user's file says of itself in place of the model."""
        return own_word(result.cell.system for result in self.results)


def lines_never_run(results: Sequence[CellResult], beside: Sequence[type[Design]] = ()) -> list[SourceLine]:
    """The lines of the user's files that no cell ran, though one has to. beside: of each result the system that its own is compared
    with, if it is another one than it stands on."""
    return asked_for(never_run([r.lines_run for r in results]), [r.cell.system for r in results], beside)


def ran_nothing(results: Sequence[CellResult]) -> bool:
    """There are lines of the user's, and not one of them was run: nothing was found out about them."""
    lines = [was_run for r in results for was_run in r.lines_run.values()]
    return bool(lines) and not any(lines)


def judged_nothing(results: Sequence[CellResult]) -> bool:
    """No property says anything of any of these cells: it is not asked of them, or holds only because what it speaks of
    never happens. Of those that are asked, a witness counts only if it is asked for alone. What is said where the device that
    was asked for does nothing is not said of that device."""
    verdicts = [v for result in results if not device_is_idle(result) for v in result.verdicts]
    claims = [v for v in verdicts if v.property.kind is not Kind.REACHABLE]
    return not any(v.says_something() for v in claims or verdicts)


def device_is_idle(result: CellResult) -> bool:
    """A device other than the main one, which never does anything in the cell: it is made for another VMM, say."""
    steps = [name for name, step in result.cell.system.steps().items() if step.by == "device"]
    quiet = result.outcome is Outcome.COMPLETE and all(name in result.never_fired for name in steps)
    return quiet and result.cell.names["device"] != default_devices()[0]


def default_memory() -> int:
    """Bytes that all searches together may use unless told otherwise: 60 % of what is available, also in a container."""
    try:
        fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 2 << 30
    return int(min(available, _left_in_container(CGROUP)) * 0.6)


def _left_in_container(group: Path) -> float:
    """Bytes that the control group (version 2) of a container still allows; infinite without a limit."""
    try:
        limit, used = ((group / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return float("inf") if limit.strip() == "max" else max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return float("inf")


@dataclass(frozen=True)
class _Job:
    """What is asked of cells, whoever finds it out. limits: of each cell. again: of how many of its states (recheck.py).
    anew: also what an earlier command found out. at_once: how many cells here."""

    cells: Sequence[Cell]
    wanted: Sequence[Property]
    engine: str
    limits: Limits
    again: int
    everywhere: bool
    anew: bool
    at_once: int

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Packed for another machine: what becomes of checkpoints is told here, and is nothing that travels."""
        wanted = self.limits.checkpoints and Checkpoints(self.limits.checkpoints.resume, unheard)
        rest = replace(self.limits, checkpoints=wanted), self.again, self.everywhere, self.anew, self.at_once
        return _arrived, (pack(self.cells, self.wanted), self.engine, *rest)

    def asked(self, number: int) -> list[Property]:
        return [p for p in self.wanted if self.everywhere or p.is_made_for(self.cells[number].system)]

    def known(self, number: int) -> CellResult | None:
        """What an earlier command found out."""
        return None if self.anew else known(self.cells[number], self.asked(number), self.engine, self.again)

    def find_out(self, number: int, limits: Limits, told: elsewhere.Hearer, stop: threading.Event) -> CellResult:
        """Raises as check_cell does."""
        cell, asked = self.cells[number], self.asked(number)
        find_out = by_engine(self.engine, functools.partial(
            check_of(limits), cell, asked, limits=limits, on_progress=told.watch, stop=stop, on_phase=told.phase, again=self.again
        ))  # fmt: skip
        return find_out() if self.anew else found_out(cell, asked, self.engine, find_out)


def _arrived(packed: bytes, *rest: Any) -> _Job:
    return _Job(*unpack(packed), *rest)


@dataclass(frozen=True)
class _OfCell:
    """The line of progress of one cell."""

    progress: Progress
    number: int
    title: str
    limits: Limits

    def watch(self, stats: Stats) -> None:
        self.progress.watch(self.number, self.title, stats)

    def phase(self, text: str) -> None:
        self.progress.phase(self.number, self.title, text)

    def say(self, text: str) -> None:
        if self.limits.checkpoints is not None:
            self.limits.checkpoints.say(text)


def run_campaign(
    cells: Sequence[Cell], wanted: Sequence[Property], *, engine: str, limits: Limits, everywhere: bool = True
) -> Campaign:  # fmt: skip
    """Check every cell, several at a time. Errors of a cell are raised, but one that memory does not suffice for leaves
    the others theirs. everywhere: also where a property is made for others a cell says that it is not asked."""
    workers = max(1, min(len(cells), os.cpu_count() or 1))
    anew, again, each = limits != Limits() or engine == BOTH, share(len(cells)), _of_a_cell(limits, workers)
    job = _Job(cells, wanted, engine, each, again, everywhere, anew, workers)
    progress, stop = Progress(len(cells)), threading.Event()
    with ctrl_c_sets(stop), stopped_by(stop):
        answers = _all(job, progress, stop)
        found = tuple(answer for answer in answers if isinstance(answer, CellResult))
        if not stop.is_set():
            beside_z3(found)
    left = tuple(cell for cell, answer in zip(cells, answers, strict=True) if not isinstance(answer, CellResult))
    starved = tuple(cell for cell, answer in zip(cells, answers, strict=True) if isinstance(answer, MemoryError))
    return Campaign(found, left, stop.is_set(), starved)


Answer = CellResult | MemoryError | None  # None: Ctrl-C came before
Futures = dict[int, "Future[CellResult | None]"]  # by number of a cell


def _all(job: _Job, progress: Progress, stop: threading.Event) -> list[Answer]:
    """What each cell answers, in matrix order. Raises what the first one that failed did."""
    told = [_OfCell(progress, number, str(cell), job.limits) for number, cell in enumerate(job.cells)]
    answers: list[Answer] = [None if stop.is_set() else job.known(number) for number in range(len(told))]
    left = [number for number, answer in enumerate(answers) if answer is None]
    for number in range(len(told) - len(left)):
        progress.finished(number)
    begun = elsewhere.begun if elsewhere.pays(job, left) else _here
    with begun(job, told, left, stop) as futures:
        _wait(futures, progress, stop)
    for number, future in futures.items():
        error = future.exception()
        if error is not None and not isinstance(error, MemoryError | Stopped):
            raise error
        answers[number] = future.result() if error is None else error if isinstance(error, MemoryError) else None
    return answers


@contextmanager
def _here(job: _Job, told: Sequence[_OfCell], left: Sequence[int], stop: threading.Event) -> Iterator[Futures]:
    """By threads, so many as leave each cell its memory."""

    def work(number: int) -> CellResult | None:
        return None if stop.is_set() else job.find_out(number, job.limits, told[number], stop)

    with ThreadPoolExecutor(job.at_once) as pool:
        yield {number: pool.submit(work, number) for number in left}


def check_of(limits: Limits) -> Callable[..., CellResult]:
    """What explores a cell and judges: all states, or representatives."""
    if not limits.reduce:
        return check_cell
    check: Callable[..., CellResult] = importlib.import_module(REDUCED).check_reduced
    return check


def _of_a_cell(limits: Limits, workers: int) -> Limits:
    """What one of so many cells at a time may use."""
    memory = limits.max_bytes if limits.max_bytes is not None else default_memory()
    threads = limits.threads or max(1, (os.cpu_count() or 1) // workers)
    disk = default_disk() if limits.max_disk is None else limits.max_disk
    if limits.max_disk is limits.max_bytes is None and disk < memory:
        disk = 0  # not worth filling it
    return replace(limits, max_bytes=memory // workers, threads=threads, max_disk=disk // workers)


def beside_z3(results: Sequence[CellResult]) -> None:
    """Compare the steps of the user's files with their relation in z3: in the first cells, in matrix order, that together
    run all lines that any cell runs. Raises EnginesDisagree."""
    seen = set[SourceLine]()
    for result in results:
        lines = {line for line, was_run in result.lines_run.items() if was_run and not line.asked}
        if result.engine != "reference" and result.outcome is Outcome.COMPLETE and not lines <= seen:
            seen |= lines
            cell, stats = result.cell, result.stats
            asked = asked_of(cell, [v.property for v in result.verdicts])
            program = kept.path_of(cell.system, cell.scope, asked)
            record = record_of(cell, program, (RELATION, stats.states, stats.transitions))
            once(record, functools.partial(_in_z3, cell, asked))


def _in_z3(cell: Cell, asked: Sequence[Property]) -> int:
    compared: int = importlib.import_module(RELATION).compare_with_z3(cell, asked)
    return compared


def _wait(futures: Futures, progress: Progress, stop: threading.Event) -> None:
    """Wait for all, showing progress. One that fails stops the others."""
    pending = {future: number for number, future in futures.items()}
    while pending:
        done, _ = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
        for future in done:
            progress.finished(pending.pop(future))
            if not isinstance(future.exception(), MemoryError | Stopped | None):
                stop.set()
        progress.show()
    progress.close()
