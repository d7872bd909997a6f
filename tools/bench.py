"""`make bench`: speed and memory. Ratios within one run count; the machine is shared, so absolute figures move."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from checker.engine.cgen import generate
from checker.engine.native import Stats, compile_c
from checker.engine.orbits import Orbits
from checker.engine.prepare import prepare
from checker.engine.quotient import QuotientSearch
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs, role_of
from checker.matrix.scope import parse_scope
from checker.questions.reduction import reduction_of
from checker.questions.verdict import asked_of
from model.lang import Kind
from tools import costs
from tools.peers_bench import bench_peers

ROUNDS = 3
SMALL = ["--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,ioapic=0x20"]


def the_cells(design: str, guest: str, scope: str) -> list[Cell]:
    chosen = matrix(
        (design, designs()[design]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"],
        scope=parse_scope(scope),
    )  # fmt: skip
    return [c for c in chosen if isinstance(c, Cell)]


def the_cell(design: str, guest: str, scope: str) -> Cell:
    (cell,) = the_cells(design, guest, scope)
    return cell


def native(cell: Cell, keep_edges: bool) -> tuple[Stats, float]:
    """(final statistics, seconds of the search itself)."""
    search = NativeSearch(lower(cell.system, cell.scope), Reference(cell.system, cell.scope), keep_edges=keep_edges)
    started = time.perf_counter()
    search.run(Limits(), None)
    return search.stats(), time.perf_counter() - started


def bench_large() -> None:
    """A scope of millions of states: states/s, bytes per state."""
    cell = the_cell("base", "any", "ioapic=0x20,cpus=1,pins=2,vectors=2")
    for round_number in range(1, ROUNDS + 1):
        stats, seconds = native(cell, keep_edges=False)
        print(
            f"  round {round_number}: {stats.states:,} states, {stats.transitions:,} transitions in {seconds:.2f} s: "
            f"{stats.states / seconds / 1e6:.2f} M states/s, {stats.transitions / seconds / 1e6:.1f} M transitions/s, "
            f"{stats.table_bytes / stats.states:.1f} bytes/state of table"
        )


def bench_threads() -> None:
    """The same scope by one thread and by two, with the same answers. The busier thread's CPU time is what two free cores need."""
    cell = the_cell("base", "any", "ioapic=0x20,cpus=1,pins=2,vectors=2")
    for round_number in range(1, ROUNDS + 1):
        told, took = set[str](), list[str]()
        for threads in (1, 2):
            reference = Reference(cell.system, cell.scope)
            search = NativeSearch(lower(cell.system, cell.scope), reference, keep_edges=False)
            wall, cpu, mine = time.perf_counter(), time.process_time(), time.thread_time()
            search.run(Limits(threads=threads), None)
            wall, cpu, mine = time.perf_counter() - wall, time.process_time() - cpu, time.thread_time() - mine
            told.add(search.answers())
            took.append(f"{threads}: {wall:.2f} s, CPU {cpu:.2f} s, the busier one {max(mine, cpu - mine):.2f} s")
        assert len(told) == 1, "two threads say something else than one"
        print(f"  round {round_number}: {'; '.join(took)}")


def both_searches(cell: Cell) -> tuple[NativeSearch, QuotientSearch, float]:
    """All states and representatives, with what is asked of these; seconds of finding out what may be taken for each other."""
    asked = [p for p in asked_of(cell, list(all_properties().values())) if p.kind is not Kind.LEADS_TO]
    prepared, reference = prepare(cell.system, cell.scope, asked), Reference(cell.system, cell.scope)
    prepared.linked()
    begun = time.process_time()
    plan = reduction_of(prepared, cell.scope, {"vectors"})  # which are told apart
    asking = time.process_time() - begun
    whole = NativeSearch(prepared.program, reference, keep_edges=False, prepared=prepared)
    orbits = Orbits(prepared.program, plan.renamings)
    return whole, QuotientSearch(prepared, reference, orbits, plan.open_steps, plan.tried), asking


def bench_reduced(design: str, scope: str) -> None:
    """Of its cells with whatever flags."""
    states, kept, asking, took = 0, 0, 0.0, [0.0, 0.0]
    for cell in the_cells(design, "windows_cg", scope):
        whole, fewer, seconds = both_searches(cell)
        asking += seconds
        for k, search in enumerate((whole, fewer)):
            begun = time.process_time()
            search.run(Limits(), None)
            took[k] += time.process_time() - begun
        states, kept = states + whole.stats().states, kept + fewer.stats().states
        assert fewer.stands_for() >= whole.stats().states, "representatives stand for too few states"
    print(
        f"  {design}: {kept:,} states for {states:,}: {states / kept:.2f} times fewer; searches {took[0]:.2f} and {took[1]:.2f} "
        f"CPU s, and before that {asking:.2f} CPU s of asking what is alike",
        flush=True,
    )


def bench_ratio() -> None:
    """Native against the reference on one cell, paired in each round."""
    cell = the_cell("base", "xen", "ioapic=0x11,cpus=1,pins=2,vectors=2")
    for round_number in range(1, ROUNDS + 1):
        stats, fast = native(cell, keep_edges=True)
        reference = Reference(cell.system, cell.scope)
        started = time.perf_counter()
        explored = reference.explore()
        slow = time.perf_counter() - started
        assert len(explored.states) == stats.states, "the engines disagree"
        print(
            f"  round {round_number}: {stats.states:,} states: native {stats.states / fast:,.0f}/s, reference "
            f"{stats.states / slow:,.0f}/s: {slow / fast:,.0f} times faster"
        )


def bench_startup() -> None:
    """What a user waits for before the search begins."""
    cell = the_cell("v1", "windows_cg", "ioapic=0x20")
    started = time.perf_counter()
    program = lower(cell.system, cell.scope)
    lowered = time.perf_counter()
    source = generate(program)
    generated = time.perf_counter()
    unseen = source + f"/* {time.time_ns()} */\n"  # not in the cache
    compile_c(unseen)
    compiled = time.perf_counter()
    compile_c(unseen)
    cached = time.perf_counter()
    print(
        f"  lower {1e3 * (lowered - started):.0f} ms, generate {1e3 * (generated - lowered):.0f} ms, "
        f"compile {1e3 * (compiled - generated):.0f} ms (from the cache {1e3 * (cached - compiled):.1f} ms)"
    )


def bench_commands(gate: bool) -> None:
    """What a user pays: of a file of a few lines, first with an empty cache and then with what that left; and with what `make
    setup` leaves there."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        costs.cost(["prove", "base", *SMALL], folder / "unseen")  # so that the bytecode is there
        said = (
            f"`eoi {' '.join(words)}` {min(costs.start_up(words) for _ in range(ROUNDS)):.2f} s"
            for words in costs.STARTS
        )
        print(f"  least of {ROUNDS}: {', '.join(said)}")
        asked = {f"a {role}": ["prove", str(folder / f"{role}.py")] for role in costs.FILES}
        for role, text in costs.FILES.items():
            (folder / f"{role}.py").write_text(text)
        if gate:
            asked["the gate"] = ["gate", "--expected", "reports/expected.toml"]
        for what, words in asked.items():
            cache = folder / "cache" / what
            for state, anew in (("cold", False), ("programs kept", True), ("answers kept", False)):
                print(f"  {what}, {state}: {costs.cost(words, cache, anew)}", flush=True)
            if what != "the gate":
                costs.cost(["prove", "base"], folder / "set up" / what)
                print(f"  {what}, after make setup: {costs.cost(words, folder / 'set up' / what)}", flush=True)


def main(gate: bool, large: bool) -> None:
    # First: a child's peak is at least that of the process that it is forked from.
    print("other checkers, each given what it reads of the same toy (tools/toys.py): docs/export.md")
    bench_peers("S", ROUNDS)
    if large:
        bench_peers("M", ROUNDS)
    print("large scope (base, qemu 0x20, any guest, 1 CPU, 2 pins, 2 vectors), native engine")
    bench_large()
    print("the same by one thread and by two")
    bench_threads()
    print("representatives instead of all states (--reduce): qemu 0x20, windows_cg, 3 pins, 3 vectors, by design")
    for name in (name for name, cls in designs().items() if role_of(cls) == "kernel" and not cls.default_roles):
        bench_reduced(name, "ioapic=0x20,pins=3,vectors=3")
    print("native against the reference (base, qemu 0x11, xen, 1 CPU, 2 pins, 2 vectors), same graph")
    bench_ratio()
    print("start-up of one cell (v1, qemu, windows_cg)")
    bench_startup()
    print(
        "CPU seconds of commands, all processes; `eoi prove FILE` of a few lines, and what that makes in an empty cache"
    )
    bench_commands(gate)


if __name__ == "__main__":
    main(gate="--gate" in sys.argv[1:], large="--large" in sys.argv[1:])
