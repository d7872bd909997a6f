"""`eoi gate`: does every verdict of the full matrix equal the expected one?

The full matrix is not the whole product, which has tens of thousands of cells that mostly say the same. It is: every
design with the guests of GUESTS_MAIN on QEMU with level lines, and from there every other VMM, every other guest and
every other device, one at a time; the VMMs on request with the guest that suits them; and the designs of WHOLE with
every VMM and every guest on level lines. Always every I/O APIC version and API flag of `eoi prove`, at the default
scope. A design that is no kernel is run on the kernels of WHOLE. A design with default_roles (historical bugs, CPUID)
is run with those and nothing else. A cell of more than MAX_STATES states is refused rather than left out.

Nothing of a verdict is cached. Generated and compiled code is (it is the model at one size, not an answer); a gate that
repeated what it answered last time would only say that no file has changed, which git knows better. What makes it fast
is one lowering and one compile for all choices of a system (prepare.py), kept on disk (generated.py), and processes
instead of threads, because lowering and replay are Python.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass

from checker.campaign import default_memory
from checker.errors import InternalError, UserError
from checker.expected import INCONCLUSIVE, Difference, Row, Table, row_of
from checker.progress import Progress
from checker.registry import (
    DEVICES,
    GUESTS,
    ON_REQUEST,
    ROLES,
    VMMS,
    Cell,
    all_properties,
    default_guests,
    designs,
    matrix,
    mutants,
    role_of,
)  # fmt: skip
from checker.search import Limits
from checker.verdict import check_cell
from model.finite import ModelError
from model.machine import Machine

WHOLE = ("base", "v6")
VMMS_MAIN, GUESTS_MAIN, DEVICES_MAIN = ("qemu",), ("linux", "windows_cg"), ("level",)
MAX_STATES = 3_000_000
# said in the file and by every run, so that nobody takes them for checked
LEFT_OUT = {("two_ioapics", "any"): "more than 3,000,000 states on I/O APIC 0x20"}
FULL = """\
every design on qemu with linux and windows_cg and level lines, from there every other VMM, guest and device in turn;
# base and v6 with every VMM x guest on level lines; all I/O APIC versions and API flags; default scope""" + "".join(
    f"\n# Left out: {vmm} with {guest}: {why}" for (vmm, guest), why in LEFT_OUT.items()
)


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

    def cells(self) -> list[Cell]:
        found = matrix(
            (self.design, gated()[self.design]), kernels=[self.kernel], vmms=[self.vmm], guests=[self.guest],
            devices=[self.device], scope={},
        )  # fmt: skip
        return [cell for cell in found if isinstance(cell, Cell)]

    def title(self, cell: Cell) -> str:
        return str(cell) if self.role == "kernel" else f"{cell}, {cell.names['kernel']}"


@dataclass(frozen=True)
class Failure:
    """A part that could not be judged: its exception does not travel between processes, its text does."""

    text: str
    of_the_model: bool


Answer = list[tuple[str, Row]] | Failure


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
            parts += [part for part in found if cls.default_roles or _belongs(part)]
    return parts


def _axes(role: str, own: Mapping[str, Sequence[str]]) -> list[Sequence[str]]:
    """The names for kernel, VMM, guest and device; the design takes its role's place whatever name is given there."""
    every: dict[str, Sequence[str]] = {"kernel": WHOLE}
    every |= {"vmm": list(VMMS), "guest": list(GUESTS), "device": list(DEVICES)}
    if own:
        every = {"kernel": WHOLE[:1], "vmm": VMMS_MAIN, "guest": GUESTS_MAIN, "device": DEVICES_MAIN, **own}
    return [names[:1] if r == role else names for r, names in ((r, every[r]) for r in ROLES)]


def _belongs(part: Part) -> bool:
    """At most one role is off the main ones; or level lines under a design of WHOLE."""
    if (part.vmm, part.guest) in LEFT_OUT:
        return False
    if part.vmm in ON_REQUEST or part.guest in ON_REQUEST:  # made for KVM's uAPI, and for each other
        return part.guest in default_guests([part.vmm]) and part.vmm in ON_REQUEST and part.device in DEVICES_MAIN
    axes = {"vmm": (part.vmm, VMMS_MAIN), "guest": (part.guest, GUESTS_MAIN), "device": (part.device, DEVICES_MAIN)}
    off = [role for role, (name, main) in axes.items() if name not in main and role != part.role]
    return len(off) <= 1 or (part.design in WHOLE and "device" not in off)


def answer(part: Part, max_bytes: int) -> Answer:
    """Judge every property in every cell of a part."""
    known = all_properties()
    wanted = [known[name] for name in gated()[part.design].default_roles.get("property", known)]
    try:
        return [
            (part.title(cell), row_of(check_cell(cell, wanted, known, limits=Limits(MAX_STATES, max_bytes))))
            for cell in part.cells()
        ]
    except ModelError as error:
        return Failure(f"{part.design}: {error}", True)
    except InternalError as error:
        return Failure(f"{part.design}: {error}", False)


def run_matrix(parts: Sequence[Part], workers: int | None = None) -> Table:
    """Judge all parts, several at a time. Raises UserError or InternalError for the first that cannot be judged."""
    if not parts:
        raise UserError("the matrix is empty, so nothing can be compared")
    workers = max(1, min(len(parts), workers or os.cpu_count() or 1))
    memory = default_memory() // workers
    if workers == 1:
        return _collect(parts, [answer(part, memory) for part in parts])
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _ignore_interrupts) as pool:
        futures = [pool.submit(answer, part, memory) for part in parts]
        try:
            _watch(futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return _collect(parts, [future.result() for future in futures])


def _ignore_interrupts() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watch(futures: Sequence[Future[Answer]]) -> None:
    progress, pending = Progress(len(futures), "systems"), set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for number in range(len(done)):
                progress.finished(number)
            progress.show()
    finally:
        progress.close()


def _collect(parts: Sequence[Part], answers: Sequence[Answer]) -> Table:
    table: Table = {}
    for part, found in zip(parts, answers, strict=True):
        if isinstance(found, Failure):
            raise (UserError if found.of_the_model else InternalError)(found.text)
        rows = table.setdefault(part.design, {})
        for title, row in found:
            if title in rows:
                raise InternalError(f"two cells of {part.design} are both called {title!r}")
            rows[title] = row
    return {design: rows for design, rows in table.items() if rows}


def open_cells(table: Table) -> list[str]:
    """Cells that a limit left without an answer."""
    return [
        f"{d}: {c}" for d, rows in table.items() for c, row in rows.items() if INCONCLUSIVE in row.verdicts.values()
    ]


def count_text(table: Table) -> str:
    rows = [row for cells in table.values() for row in cells.values()]
    return f"{len(rows)} cells of {len(table)} designs, {sum(len(r.verdicts) for r in rows)} verdicts"


def as_json(table: Table, listed: Sequence[Difference], expected: str, seconds: float) -> str:
    """The outcome for machines."""
    rows = [row for cells in table.values() for row in cells.values()]
    return json.dumps(
        {
            "format": "eoiproof gate 1",
            "expected": expected,
            "designs": len(table),
            "cells": len(rows),
            "verdicts": sum(len(row.verdicts) for row in rows),
            "inconclusive": open_cells(table),
            "left_out": [f"{vmm}, {guest}: {why}" for (vmm, guest), why in LEFT_OUT.items()],
            "differences": [asdict(d) for d in listed],
            "seconds": round(seconds, 1),
        },
        indent=1,
    )
