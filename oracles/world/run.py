"""Judge mutants in the cells of the matrix: side by side, and so that a run that was cut short goes on where it was.

The order of the cells is known before anything runs: those of the default matrix first, small programs first. A mutant is judged in
every cell of at most SMALL states, and beyond those until a cell has killed it (`full`: everywhere). What was found is
kept in one file, a line for some mutants of one cell, under a name that hashes every source that has a say in it; a
mutant is known there by a digest of what it changes. What other sources found is never looked at.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from checker.engine import kept
from checker.engine.cache_folder import cache_dir
from checker.interrupt import left_to_the_parent
from checker.progress import Progress
from oracles.mutation.make import Mutant
from oracles.world.judge import CellJudge, Effect, Rulebook, World

ROOT = Path(__file__).parents[2]
PACKAGES = ("model", "properties", "checker", "oracles/mutation", "oracles/world")
NO_SAY = (
    "checker/command",
    "oracles/mutation/report.py",
    "oracles/world/report.py",
    "oracles/world/equal.py",
)
SMALL = 2_500  # states of a cell in which every mutant is judged, killed before or not
LARGE = 50_000  # states of a cell that all processes share: the last one would else be waited for
AT_ONCE = 50  # mutants, before what was found is written down
LOGS = 4  # of other sources that are left in the cache


def sources_digest(root: Path = ROOT) -> str:
    """Changes with every source file that has a say in what is found."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(p for package in PACKAGES for p in (root / package).rglob("*.*")):
        name = str(path.relative_to(root))
        if path.suffix in (".py", ".c", ".h") and not name.startswith(NO_SAY):
            digest.update(f"\0{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:20]


@contextlib.contextmanager
def own_cache() -> Iterator[Path]:
    """A folder of the cache for what is compiled here: nobody else has any use for it."""
    folder, before = cache_dir() / "mutants", os.environ.get("EOI_CACHE")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["EOI_CACHE"] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            del os.environ["EOI_CACHE"]
        else:
            os.environ["EOI_CACHE"] = before


class Log:
    """What was found so far: (cell, digest of a mutant) -> what it does there."""

    def __init__(self, path: Path) -> None:
        self.path, self._read = path, 0
        self.found: dict[tuple[str, str], Effect] = {}
        self.refresh()

    @classmethod
    def of(cls, cache: Path, digest: str) -> Log:
        """The one of these sources, in a folder of theirs. The oldest of others are removed."""
        others = sorted((p.parent for p in cache.glob("*/found.jsonl")), key=lambda p: p.stat().st_mtime)
        for folder in [p for p in others if p.name != digest][:-LOGS]:
            shutil.rmtree(folder, ignore_errors=True)
        (cache / digest).mkdir(parents=True, exist_ok=True)
        return cls(cache / digest / "found.jsonl")

    def refresh(self) -> None:
        """Read what was added since, also by other processes. A line that was not written to its end says nothing."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                raw = json.loads(line)
                for digest, (graph, verdicts) in raw["found"].items():
                    judged = Effect(graph, {name: (was, now) for name, (was, now) in verdicts.items()})
                    self.found[raw["cell"], digest] = judged

    def add(self, cell: str, found: Mapping[str, Effect]) -> None:
        """One write at the end of the file: nobody's line is torn by another process."""
        plain = {
            digest: [j.graph, {name: list(pair) for name, pair in j.verdicts.items()}] for digest, j in found.items()
        }
        line = b"\n" * self._torn() + json.dumps({"cell": cell, "found": plain}).encode() + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _torn(self) -> bool:
        """Was a last line cut short?"""
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


@dataclass(frozen=True)
class Place:
    """A cell in the order of the run."""

    rank: int
    world: int
    title: str
    states: int
    by_default: bool
    general: bool  # of a role that does all that it may (judge.GENERAL)


class Agenda:
    """Which mutants are judged in which cells."""

    def __init__(self, worlds: Sequence[World], book: Rulebook, names: Iterable[str], full: bool) -> None:
        self.worlds, self.book, self.full = worlds, book, full
        self.names = set(names)
        cells = [(n, title) for n, world in enumerate(worlds) for title in world.cells]
        self.places = [
            Place(k, n, title, worlds[n].rows[title].states, worlds[n].by_default, worlds[n].general)
            for k, (n, title) in enumerate(cells)
        ]

    def mutants(self, place: Place) -> list[Mutant]:
        return [m for m in self.worlds[place.world].mutants if m.name in self.names]

    def found(self, place: Place, log: Log) -> Iterator[tuple[Mutant, Effect | None]]:
        for mutant in self.mutants(place):
            yield mutant, log.found.get((place.title, self.book.digest(mutant)))

    def killed(self, log: Log) -> dict[str, int]:
        """Mutant -> the first cell that is known to kill it."""
        first = dict[str, int]()
        for place in self.places:
            for mutant, judged in self.found(place, log):
                if judged is not None and judged.verdicts:
                    first.setdefault(mutant.name, place.rank)
        return first

    def is_asked(self, mutant: Mutant, place: Place, killed: Mapping[str, int]) -> bool:
        return self.full or place.states <= SMALL or place.rank <= killed.get(mutant.name, place.rank)

    def missing(self, place: Place, log: Log, killed: Mapping[str, int]) -> list[Mutant]:
        """What is still to be judged in a cell."""
        return [m for m, judged in self.found(place, log) if judged is None and self.is_asked(m, place, killed)]


@dataclass
class Effects:
    """all: of each mutant, every cell in which it was asked, in order. left: cells that were not finished."""

    all: dict[str, list[tuple[Place, Effect]]] = field(default_factory=dict[str, list[tuple[Place, Effect]]])
    left: list[Place] = field(default_factory=list[Place])


_now: tuple[Agenda, Log] | None = None  # of the processes that are forked


def run(plan: Agenda, log: Log, jobs: int) -> Effects:
    """Judge what is missing, until all is or Ctrl-C. Raises UserError, InternalError."""
    global _now
    killed = plan.killed(log)
    open_places = [place for place in plan.places if plan.missing(place, log, killed)]
    _now = plan, log
    with ProcessPoolExecutor(max(1, jobs), multiprocessing.get_context("fork"), left_to_the_parent) as pool:
        shared = [(place.rank, max(1, jobs) if place.states > LARGE else 1) for place in open_places]
        futures = {pool.submit(_work, rank, part, parts): rank for rank, parts in shared for part in range(parts)}
        try:
            watch(futures)
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    log.refresh()
    return outcome(plan, log)


def watch(futures: Mapping[Future[None], int]) -> None:
    """futures: of a cell or a part of it, with the cell's rank."""
    left, pending = Counter(futures.values()), set(futures)
    progress = Progress(len(left))
    try:
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for number, future in enumerate(done):
                future.result()
                left[futures[future]] -= 1
                if not left[futures[future]]:
                    progress.finished(number)
            progress.show()
    finally:
        progress.close()


def _work(rank: int, part: int, parts: int) -> None:
    """One cell, in another process; or of the mutants that are asked there every so many-th, from `part` on."""
    assert _now is not None
    plan, log = _now
    place = plan.places[rank]
    log.refresh()
    killed = plan.killed(log)
    mine = {m.name for m in plan.mutants(place)[part::parts]}
    asked = [m for m in plan.missing(place, log, killed) if m.name in mine]
    if not asked:
        return
    world = plan.worlds[place.world]
    _link(world, log.path.parent)
    judge = CellJudge(world, place.title)
    for at in range(0, len(asked), AT_ONCE):
        some = asked[at : at + AT_ONCE]
        log.add(place.title, {plan.book.digest(m): judge.judge(m) for m in some})


def _link(world: World, folder: Path) -> None:
    """Compile the program or find it: one process at a time, as the next one mostly needs the same."""
    name = hashlib.sha256(" ".join(world.cells).encode()).hexdigest()[:20]
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if world.linked is None:
            world.linked = kept.load(folder / f"{name}.program", world.system)
        if world.linked is None:
            kept.save(folder / f"{name}.program", world.system, world.link())


def outcome(plan: Agenda, log: Log) -> Effects:
    """What is known, of what was asked: what was judged beside that, as two cells were begun at once, is left out."""
    killed, result = plan.killed(log), Effects()
    for place in plan.places:
        if plan.missing(place, log, killed):
            result.left.append(place)
        for mutant, judged in plan.found(place, log):
            if judged is not None and plan.is_asked(mutant, place, killed):
                result.all.setdefault(mutant.name, []).append((place, judged))
    return result
