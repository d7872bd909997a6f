"""`eoi gate`: does every verdict of the full matrix equal the expected one?

The full matrix is, for each design, all that `eoi prove DESIGN` asks by default (every VMM, guest, I/O APIC version and
API flag, level lines, what `meets` only some, at the default scope); then OTHER_DEVICES on QEMU with the guests of GUESTS_MAIN, and the
VMMs on request with the guest that suits them. A design that is no kernel is run on each of KERNELS. A design with
default_roles (historical bugs, CPUID) is run with those and nothing else. Not in it: other devices under other VMMs and
guests, other sizes, the guests and VMMs on request mixed with the rest. A cell of more than MAX_STATES states is refused
rather than left out.

A cell is judged anew unless nothing that it depends on was edited since (engine/sources.py): after an edit of one design, VMM
or guest those cells that have it, after one of model/kvm/ or of the checker all; EOI_ANEW=1 judges every one. How many answers
were there already is said. What makes it fast besides: what a role lowers to and
compiles to is made once for all systems that have it (lower/memo.py, linked.py); designs that do the same under one VMM
and guest share one search (engine/shared.py), while each one's runs are confirmed in its own Python; a sample of the
states is looked at again in one cell of each program; and processes instead of threads, because lowering and replay are Python.
"""

from __future__ import annotations

import functools
import itertools
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from checker.engine.build import NoCompiler
from checker.engine.engine_abi import wide_engine
from checker.engine.kept import read, write
from checker.engine.native import Outcome
from checker.engine.search import Limits
from checker.engine.shared import Shared
from checker.errors import InternalError, UserError
from checker.interrupt import ctrl_c_sets, left_to_the_parent, until_ctrl_c
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import (
    DEVICES,
    GUESTS,
    ON_REQUEST,
    ROLES,
    VMMS,
    all_properties,
    default_devices,
    default_guests,
    designs,
    is_path,
    keep_company,
    mutants,
    registered,
    role_of,
)
from checker.progress import Progress
from checker.questions.campaign import check_of, default_memory
from checker.questions.expected import INCONCLUSIVE, Row, Table, row_of
from checker.questions.kept_answers import path_of
from checker.words import count
from checker.workers.crew import crew
from checker.workers.where import HERE, RAY
from checker.workers.workers import Desk, Errand, working
from model.finite import ModelError
from model.machine import Machine, Scope

KERNELS = ("base", "v6")  # under the designs of a VMM, guest or device
VMMS_MAIN, GUESTS_MAIN, DEVICES_MAIN = ("qemu",), ("linux", "windows_cg"), ("level",)
OTHER_DEVICES = ("edge", "mixed", "resample")  # with the main ones, whomever they meet by default
HEAVY = frozenset({"any_vmm", "any", "linux_tmr0"})  # have the most states, so they go first
MAX_STATES = 3_000_000
ROW = "row of the gate"  # what is kept of a cell
AGAIN = 8  # states of the first cell of each program that are looked at again in CPython (questions/recheck.py)


Judging: TypeAlias = "Callable[..., GroupAnswer | Failure | None]"


@dataclass(frozen=True)
class Part:
    """A design under one VMM, guest and device (and kernel): the cells that share a program. Names only, so that it can
    go to another process."""

    design: str
    role: str
    kernel: str
    vmm: str
    guest: str
    device: str

    def __str__(self) -> str:
        return f"{self.design}: " + ", ".join((self.kernel, self.vmm, self.guest, self.device)[self.role == "kernel" :])

    def cells(self, cls: type[Machine] | None = None) -> list[Cell]:
        """cls: the design's class, where it is known already."""
        cls = cls or gated()[self.design]
        of = self.classes(cls)
        found = matrix(
            (self.design, cls), kernels={self.kernel: of["kernel"]}, vmms={self.vmm: of["vmm"]},
            guests={self.guest: of["guest"]}, devices={self.device: of["device"]}, scope={},
        )  # fmt: skip
        return [cell for cell in found if isinstance(cell, Cell)]

    def classes(self, cls: type[Machine]) -> dict[str, type[Machine]]:
        """Who plays which role; cls: the design's class."""
        names = {"kernel": self.kernel, "vmm": self.vmm, "guest": self.guest, "device": self.device}
        return {r: cls if r == self.role else _role(r, name) for r, name in names.items()}

    def title(self, cell: Cell) -> str:
        return str(cell) if self.role == "kernel" else f"{cell}, {cell.names['kernel']}"


@dataclass(frozen=True)
class GroupAnswer:
    """What the cells of some parts answer, and how many of these answers were there already."""

    rows: list[tuple[Part, str, Row]]
    kept: int


@dataclass(frozen=True)
class GateAnswer:
    """left: parts that Ctrl-C left. kept: cells whose answer was there already."""

    table: Table
    left: list[Part]
    kept: int = 0


@dataclass(frozen=True)
class Failure:
    """A part that could not be judged: its exception does not travel between processes, its text does."""

    text: str
    of_the_model: bool


_role = functools.cache(registered)


@functools.cache
def _scopes_of(part: Part) -> dict[str, Scope]:
    return {part.title(cell): cell.scope for cell in part.cells()}


def title_of(cell: Cell) -> str:
    """By which name the record has a cell of a registered design; "" if it has none of these sizes and choices."""
    design = cell.names[cell.subject]
    if design not in gated() or any(is_path(name) for name in cell.names.values()):
        return ""
    part = Part(design, cell.subject, *(cell.names[role] for role in ROLES))
    title = part.title(cell)
    return title if _scopes_of(part).get(title) == cell.scope else ""


def gated() -> dict[str, type[Machine]]:
    """The designs of the record, and the historical bugs."""
    return {**designs(), **{name: cls for name, cls in mutants().items() if name.startswith("mutant_")}}


def full_matrix(only: Sequence[str] = ()) -> list[Part]:
    """All parts; `only` these designs if any are named."""
    parts = list[Part]()
    for name, cls in gated().items():
        if not only or name in only:
            role = role_of(cls)
            axes = _axes(role, cls.default_roles)
            found = (Part(name, role, *names) for names in itertools.product(*axes))
            parts += [part for part in found if cls.default_roles or _belongs(part, cls)]
    return parts


def _axes(role: str, own: Mapping[str, Sequence[str]]) -> list[Sequence[str]]:
    """The names for kernel, VMM, guest and device; the design takes its role's place whatever name is given there."""
    every: dict[str, Sequence[str]] = {"kernel": KERNELS}
    every |= {"vmm": list(VMMS), "guest": list(GUESTS), "device": list(DEVICES)}
    if own:
        every = {"kernel": KERNELS[:1], "vmm": VMMS_MAIN, "guest": GUESTS_MAIN, "device": DEVICES_MAIN, **own}
    return [names[:1] if r == role else names for r, names in ((r, every[r]) for r in ROLES)]


def _belongs(part: Part, cls: type[Machine]) -> bool:
    """What is there by default; or another device where the other roles are the main ones; or a VMM on request with its
    guest. All but that device in the company that they keep by default."""
    classes = part.classes(cls)
    if part.vmm in ON_REQUEST or part.guest in ON_REQUEST:  # made for KVM's uAPI, and for each other
        suits = part.guest in default_guests([part.vmm]) and part.vmm in ON_REQUEST and part.device in DEVICES_MAIN
        return suits and keep_company(classes)
    if part.device in default_devices() and keep_company(classes):
        return True
    others = (("vmm", part.vmm in VMMS_MAIN), ("guest", part.guest in GUESTS_MAIN))
    main = part.device in OTHER_DEVICES and all(main for role, main in others if role != part.role)
    return main and keep_company({role: of for role, of in classes.items() if role != "device"})


def groups(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts that differ in the design only: those may share searches. Those with the most states first."""
    found: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        names = {"kernel": part.kernel, "vmm": part.vmm, "guest": part.guest, "device": part.device, part.role: ""}
        found.setdefault((part.role, *names.values()), []).append(part)
    return sorted(found.values(), key=lambda group: not {group[0].vmm, group[0].guest} & HEAVY)


def answer(
    parts: Sequence[Part], max_bytes: int, reduce: bool = False, stop: threading.Event | None = None
) -> GroupAnswer | Failure | None:
    """Judge every property in every cell of a group. The cells of one scope follow each other, to share searches. reduce: each in
    searches of its own, of representatives where that is shown to change nothing. None once it is to stop."""
    known, classes, shared, kept = all_properties(), gated(), Shared(), 0
    work = [(part, cell) for part in parts for cell in part.cells(classes[part.design])]
    rows: dict[int, Row] = {}
    for n in sorted(range(len(work)), key=lambda n: str(work[n][1].scope)):
        if stop is not None and stop.is_set():
            return None
        part, cell = work[n]
        wanted = [known[name] for name in classes[part.design].default_roles.get("property", known)]
        path = None if reduce else path_of(cell, wanted, ROW)
        row = load_row(path)
        if row is None:
            limits = Limits(MAX_STATES, max_bytes, reduce=reduce)
            find_out = functools.partial(check_of(limits), cell, wanted, limits=limits, again=AGAIN)
            try:
                result = find_out() if reduce else find_out(shared=shared)
            except (ModelError, InternalError) as error:
                return Failure(f"{part.design}: {error}", isinstance(error, ModelError))
            row = row_of(result)
            if result.outcome is Outcome.COMPLETE:  # no limit cut it short
                save_row(path, row)
        else:
            kept += 1
        rows[n] = row
    return GroupAnswer([(part, part.title(cell), rows[n]) for n, (part, cell) in enumerate(work)], kept)


def load_row(path: Path | None) -> Row | None:
    """What a cell answered, if that was kept. path: see kept_answers."""
    content = read(path) if path is not None else None
    return None if content is None else Row(**json.loads(content))


def save_row(path: Path | None, row: Row) -> None:
    if path is not None:
        write(path, json.dumps(asdict(row)).encode())


def run_so_far(parts: Sequence[Part], workers: int | None = None, *, reduce: bool = False, on: str = "") -> GateAnswer:
    """Judge the parts, several groups at a time, until all are or Ctrl-C; also those that are not judged then. reduce: see
    answer(). on: see workers/where.py.

    Raises UserError or InternalError if one cannot be judged.
    """
    if not parts:
        raise UserError("the matrix is empty, so nothing can be compared")
    work = groups(parts)
    workers = max(1, min(len(work), workers or os.cpu_count() or 1))
    memory = default_memory() // workers
    judge = functools.partial(answer, max_bytes=memory, reduce=reduce)
    if on.startswith(RAY):
        answers = _by_others(work, judge, on)
    else:
        answers = _in_turn(work, judge) if workers == 1 or on == HERE else _side_by_side(work, judge, workers)
    left = [part for group in work[len(answers) :] for part in group]
    left += [part for group, found in zip(work, answers, strict=False) if found is None for part in group]
    whole = [_whole(a) for a in answers if a is not None]
    table = _collect([part for part in parts if part not in left], whole)
    return GateAnswer(table, left, sum(answer.kept for answer in whole))


def _in_turn(work: Sequence[list[Part]], judge: Judging) -> list[GroupAnswer | Failure | None]:
    """The answers of the first groups, up to Ctrl-C."""
    answers = list[GroupAnswer | Failure | None]()
    with until_ctrl_c():
        for group in work:
            answers.append(judge(group))
    return answers


def _side_by_side(work: Sequence[list[Part]], judge: Judging, workers: int) -> list[GroupAnswer | Failure | None]:
    """The answer of each group; None for those that Ctrl-C left without one."""
    with suppress(NoCompiler):  # for so many searches it is worth to wait for the compiler first
        wide_engine()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), left_to_the_parent) as pool:
        futures = [pool.submit(judge, group) for group in work]
        try:
            _watch(futures)
        except KeyboardInterrupt:
            answers = [f.result() if f.done() and not f.cancelled() else None for f in futures]
            for process in multiprocessing.active_children():  # nobody waits for what they work on
                process.terminate()
            return answers
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _by_others(work: Sequence[list[Part]], judge: Judging, on: str) -> list[GroupAnswer | Failure | None]:
    """By workers that are not forked."""
    stop = threading.Event()
    start, room = crew(on, None, stop)
    with ctrl_c_sets(stop), working(start, min(room, len(work)), stop) as workers:
        futures = [workers.submit([Errand(_judged, (group, judge))])[0] for group in work]
        _watch(futures)
        return [future.result() for future in futures]


def _judged(desk: Desk, group: Sequence[Part], judge: Judging) -> GroupAnswer | Failure | None:
    """In a worker."""
    return judge(group, stop=desk.stop)


def _watch(futures: Sequence[Future[Any]]) -> None:
    progress, pending = Progress(len(futures), "groups of systems"), set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for number in range(len(done)):
                progress.finished(number)
            progress.show()
    finally:
        progress.close()


def _whole(answer: GroupAnswer | Failure) -> GroupAnswer:
    if isinstance(answer, Failure):
        raise (UserError if answer.of_the_model else InternalError)(answer.text)
    return answer


def _collect(parts: Sequence[Part], answers: Sequence[GroupAnswer]) -> Table:
    """The answers by design, in the order of the parts."""
    table: Table = {part.design: {} for part in parts}
    found: dict[Part, list[tuple[str, Row]]] = {part: [] for part in parts}
    for group in answers:
        for part, title, row in group.rows:
            found[part].append((title, row))
    for part, cells in found.items():
        for title, row in cells:
            if title in table[part.design]:
                raise InternalError(f"two cells of {part.design} are both called {title!r}")
            table[part.design][title] = row
    return {design: rows for design, rows in table.items() if rows}


def open_cells(table: Table) -> list[str]:
    """Cells that a limit left without an answer."""
    return [
        f"{d}: {c}" for d, rows in table.items() for c, row in rows.items() if INCONCLUSIVE in row.verdicts.values()
    ]


def judged_only(expected: Table, found: Table) -> Table:
    """What is expected of the cells that were judged."""
    return {d: {cell: row for cell, row in expected.get(d, {}).items() if cell in rows} for d, rows in found.items()}


def count_text(table: Table) -> str:
    rows = [row for cells in table.values() for row in cells.values()]
    verdicts = sum(len(row.verdicts) for row in rows)
    return f"{count(len(rows), 'cell')} of {count(len(table), 'design')}, {count(verdicts, 'verdict')}"
