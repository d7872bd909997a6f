"""Mutants judged by the matrix: as their classes are, against nothing but the design, and never by what is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import z3

from checker.errors import UserError
from checker.language.ir import Loc
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties
from checker.matrix.select import select, selection
from checker.questions import gate
from checker.questions.bisimulation import bisimilar
from checker.questions.expected import Row, Table, from_toml
from checker.questions.verdict import Status, check_cell
from model.lang import Kind, always
from model.machine import Cpu, Machine
from oracles.mutation.make import Mutant
from oracles.world import equal
from oracles.world import run as world_run
from oracles.world.equal import Equal, Equality, compare
from oracles.world.judge import (
    ASKED_FOR,
    KERNEL_CHIP,
    KVM,
    QEMU_CHIP,
    TIME,
    VMMS,
    CellJudge,
    Effect,
    Rulebook,
    Searched,
    World,
    side_of,
    worlds,
)
from oracles.world.lemmas import LEMMAS
from oracles.world.report import TARGETS, MutantRow, Survival, WorldReport, told
from oracles.world.run import SMALL, Agenda, Effects, Log, Place
from tests.rigs.hand_mutants import EoisWhatIsSuppressed, OffersTheOpposite, StaysClosed

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = {("qemu", "linux", "shared"), ("firecracker", "linux", "shared"), ("qemu_kernel_migrated", "xen", "level")}
TINY = {("qemu_kernel_migrated", "xen", "level")}
Small = Callable[[set[tuple[str, str, str]]], "Made"]


class Made:
    """Some programs of the matrix with their mutants."""

    def __init__(self, found: list[World], book: Rulebook) -> None:
        self.worlds, self.book = found, book
        self.names = [name for name, _ in sorted(book.numbers.items(), key=lambda item: item[1])]

    def of(self, cell: str) -> World:
        return next(world for world in self.worlds if cell in world.cells)

    def mutant(self, cell: str, rule: str, what: str) -> Mutant:
        return next(m for m in self.of(cell).mutants if (m.rule, m.what) == (rule, what))


def expected() -> Table:
    return from_toml((ROOT / "reports/expected.toml").read_text(), "expected.toml")


def only(monkeypatch: pytest.MonkeyPatch, systems: set[tuple[str, str, str]]) -> None:
    """The matrix is these systems."""
    whole = gate.full_matrix(["v6"])
    parts = [part for part in whole if (part.vmm, part.guest, part.device) in systems]
    assert {(part.vmm, part.guest, part.device) for part in parts} == systems
    monkeypatch.setattr(gate, "full_matrix", lambda names: parts)


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        only(monkeypatch, SYSTEMS)
        book = Rulebook()
        yield Made(list(worlds(expected(), book)), book)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "found.jsonl")


def tiny_plan(made: Made, *, full: bool = False, every: int = 6) -> Agenda:
    world = made.of("qemu_kernel_migrated 0x11, xen, level")
    return Agenda([world], made.book, [m.name for m in world.mutants][::every], full)


def test_by_default_is_what_prove_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that meets some is judged with the main guests, too, and one must ask for that; also for any_vmm, though not for
    the other VMMs of the uAPI."""
    uapi = {(vmm, "lapic", "level") for vmm in ("setup_vmm", "msr_vmm", "errno_vmm", "any_vmm")}
    only(monkeypatch, {("qemu", "linux", "resample"), ("qemu", "windows_cg", "resample"), *TINY, *uapi})
    monkeypatch.setattr(Rulebook, "of", lambda *_: {})  # whatever its mutants are
    by_default = {title for world in worlds(expected(), Rulebook()) if world.by_default for title in world.cells}
    asked = {str(c) for c in select(selection("v6"))[1]}
    assert by_default == {t for t in asked if t.endswith(" resample")} | {
        t for t in asked if "lapic" in t or ("qemu_kernel_migrated" in t and "xen" in t)
    }
    assert sum("lapic" in title for title in by_default) == 3


# --- a mutant is judged as the class that it stands for ---


BY_HAND = [
    ("qemu_kernel_migrated 0x11, xen, level", EoisWhatIsSuppressed, "kvm_ioapic_update_eoi_one",
     "(trigger != Trigger.LEVEL) or kvm_lapic_suppress_eoi_broadcast(ref apic): right operand dropped", "no_reinjection"),
    ("firecracker 0x11, linux, shared", OffersTheOpposite, "kvm_apic_set_version",
     "negated: apic.cpuid_x2apic and kvm_lapic_advertise_suppress_eoi_broadcast()", "advertised_is_backed"),
    ("qemu 0x20, linux, shared", StaysClosed, "ioapic_eoi_broadcast", "dropped: rte.remote_irr := False", "line_is_serviced"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "cls", "rule", "what", "teller"), BY_HAND, ids=lambda v: getattr(v, "__name__", None)
)
def test_a_mutant_is_judged_as_its_class_is(
    made: Made, title: str, cls: type[Machine], rule: str, what: str, teller: str
) -> None:
    """The class is lowered, compiled, searched and judged by the product, on its own."""
    world = made.of(title)
    judged = CellJudge(world, title).judge(made.mutant(title, rule, what))
    assert judged.graph == "other" and judged.verdicts == by_class(world.cells[title], cls)
    assert teller in judged.verdicts


def by_class(cell: Cell, cls: type[Machine]) -> dict[str, tuple[str, str]]:
    """What differs between the design and the class in its place, by the product."""
    name, known = cell.names, list(all_properties().values())
    families = {f"{role}s": [name[role]] for role in name}
    found = matrix(("mine", cls), scope={"ioapic": cell.scope.ioapic, "flags": cell.scope.flags}, **families)  # type: ignore[arg-type]
    cells = [cell, *found]
    assert len(cells) == 2
    was, now = (check_cell(c, known).verdicts for c in cells if isinstance(c, Cell))
    pairs = {a.property.name: (a.status.value, b.status.value) for a, b in zip(was, now, strict=True)}
    assert Status.SKIPPED.value not in {s for pair in pairs.values() for s in pair if pair[0] != pair[1]}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def test_the_design_is_what_is_expected_of_it_and_nothing_else(made: Made) -> None:
    title = "firecracker 0x11, linux, shared"
    world = made.of(title)
    right, row = world.rows, world.rows[title]
    assert CellJudge(world, title).verdicts["no_eoi_lost"] == "HOLDS"
    wrong: list[Row] = [
        replace(row, states=row.states + 1), replace(row, depth=row.depth + 1),
        replace(row, verdicts={**row.verdicts, "no_eoi_lost": "FAIL 7"}),
        replace(row, verdicts={name: v for name, v in row.verdicts.items() if name != "no_storm"}),
    ]  # fmt: skip
    try:
        for other in wrong:
            world.rows = {**right, title: other}
            with pytest.raises(UserError, match="not what is expected of it"):
                CellJudge(world, title)
    finally:
        world.rows = right


def test_a_cell_that_nothing_is_expected_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, TINY)
    table = expected()
    rows = {title: row for title, row in table["v6"].items() if "qemu_kernel_migrated" not in title}
    with pytest.raises(UserError, match="nothing is expected of v6: qemu_kernel_migrated"):
        list(worlds({**table, "v6": rows}, Rulebook()))


def test_a_value_out_of_range_is_no_verdict(made: Made) -> None:
    """The highest of nothing is asked for its value."""
    title = "qemu 0x20, linux, shared"
    what = "dropped: if (not is_some(pending)) or (not is_some(in_service)):"
    assert CellJudge(made.of(title), title).judge(made.mutant(title, "kvm_apic_has_interrupt", what)) == Effect("range")


def test_what_no_search_tells_apart_is_the_same(made: Made) -> None:
    """QEMU's throttle counts nothing unless the scope says so; and a swap makes no difference in any state."""
    title = "qemu 0x20, linux, shared"
    judge, world = CellJudge(made.of(title), title), made.of(title)
    timer = made.mutant(title, "delayed_ioapic_service_cb", "dropped: s.delayed_ioapic_service := False")
    swap = made.mutant(
        title, "apic_accept_irq", "swapped: if trigger == Trigger.LEVEL: | apic.irr := apic.irr with vector"
    )
    assert judge.judge(timer) == judge.judge(swap) == Effect("same")
    assert compare(world, timer) is Equal.NO
    assert compare(world, swap) is Equal.YES
    assert Equality(made.worlds).of([timer.name, swap.name], 2) == {swap.name}


IDLE = "s.delayed_ioapic_service and ten_milliseconds_pass(): left operand dropped"


def test_another_graph_may_be_the_same_for_an_observer(made: Made) -> None:
    """Delayed work that finds nothing to do is a step from a state to itself: no observer sees it. Who runs, he sees."""
    title = "firecracker 0x11, linux, shared"
    judge, world = CellJudge(made.of(title), title), made.of(title)
    idle = made.mutant(
        title,
        "delayed_work_is_due",
        IDLE,
    )
    assert judge.judge(idle) == Effect("alike")
    found = Searched(world, judge.scope, world.numbers[idle.name], judge.start)
    assert found.stats.transitions > judge.design.stats.transitions and not found.is_as(judge.design)
    seen = judge.design.observed()
    assert 0 < len(seen.sources) <= judge.design.stats.transitions and bisimilar(seen, found.observed())
    for k in (0, len(seen.sources) // 2, len(seen.sources) - 1):
        dropped = np.arange(len(seen.sources)) == k
        assert not bisimilar(seen, seen.without(dropped))
    assert judge.judge(made.mutant(title, "kvm_ioapic_eoi_pin", "2 -> 1")) == Effect("other")


def test_what_an_observer_sees(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "firecracker 0x11, linux, shared"
    judge, world = CellJudge(made.of(title), title), made.of(title)
    number = world.numbers[made.mutant(title, "delayed_work_is_due", IDLE).name]
    searched = Searched(world, judge.scope, number, judge.start)
    graph, said, seen = searched.graph, searched.exploration.eval_edges(), searched.observed()
    sources = np.repeat(np.arange(graph.n), np.diff(graph.row).astype(np.int64))
    moves = sources != graph.target  # nothing is broken in a step that leads nowhere else
    assert 0 < moves.sum() < len(moves)
    assert (seen.edges[:, 0] == graph.label[moves]).all() and np.array_equal(seen.edges[:, 1:], said[moves])
    assert (seen.sources == sources[moves]).all() and (seen.targets == graph.target[moves]).all()
    for state in (0, 7, graph.n - 1):
        values = searched.exploration.atoms_at(state)
        assert (np.unpackbits(seen.states[state].astype(np.uint8))[: len(values)] == values).all()
    monkeypatch.setattr(searched.exploration, "eval_edges", lambda: np.zeros_like(said))
    assert len(searched.observed().sources) == len(moves), "a step that breaks something is seen"


@pytest.mark.parametrize("title", ["qemu_kernel_migrated 0x11, xen, level", "firecracker 0x11, linux, shared"])
def test_what_is_passed_over_as_the_same_graph_is_the_same(made: Made, title: str) -> None:
    world = made.of(title)
    judge, same = CellJudge(world, title), 0
    entered = sum(judge.design.enters(m) for m in world.mutants)
    assert 100 < entered < len(world.mutants) - 100
    for mutant in world.mutants:
        judged, start = judge.judge(mutant), world.start(judge.scope, world.numbers[mutant.name])
        if judged.graph == "same" and not judged.verdicts:
            assert start is not None
            found = Searched(world, judge.scope, world.numbers[mutant.name], start)
            assert found.is_as(judge.design) and found.verdicts() == judge.verdicts, mutant
            same += 1
    assert 100 < same < len(world.mutants)


@always()
def runs_or_is_asked(s: Machine, cpu: Cpu) -> bool:
    """No lemma: a vCPU comes back from userspace with nothing asked of it."""
    return s.apic[cpu].in_guest or s.apic[cpu].req_scan_ioapic


def test_a_lemma_is_proved_before_it_is_used(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes an exit that nobody asked for finds an empty slot; in a state where there is none, it makes a difference."""
    title = "qemu 0x20, linux, shared"
    mutant = made.mutant(title, "vcpu_enter_guest", "apic.req_ioapic_eoi_exit -> True")
    world = made.of(title)
    assert {f.name for f in equal.proved(world)[1]} == {p.name for p in LEMMAS}
    assert compare(world, mutant) is Equal.YES
    for asked, proved in (((LEMMAS[0], runs_or_is_asked), LEMMAS[:1]), ((runs_or_is_asked,), ())):
        equal.proved.cache_clear()
        monkeypatch.setattr(equal, "LEMMAS", asked)
        assert [f.name for f in equal.proved(world)[1]] == [p.name for p in proved]
    assert compare(world, mutant) is Equal.NO
    equal.proved.cache_clear()


def test_what_z3_does_not_know_is_not_equal(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "qemu 0x20, linux, shared"
    swap = made.mutant(
        title, "apic_accept_irq", "swapped: if trigger == Trigger.LEVEL: | apic.irr := apic.irr with vector"
    )
    monkeypatch.setattr(equal, "_asked", lambda *_: z3.unknown)
    assert compare(made.of(title), swap) is Equal.OPEN


def test_whose_a_rule_is(made: Made) -> None:
    sides = {m.rule: m.side for world in made.worlds for m in world.mutants}
    said = {"kvm_lapic_reset": KVM, "kvm_ioapic_eoi_pin": KERNEL_CHIP, "ioapic_eoi_broadcast": QEMU_CHIP,
            "enable_cap_api": VMMS, "ten_milliseconds_pass": TIME,
            "delayed_work_is_due": TIME}  # fmt: skip
    assert {rule: sides[rule] for rule in said} == said
    function = made.mutant("qemu 0x20, linux, shared", "enable_cap_api", "Errno.OK -> Errno.ENOTTY").site.function
    assert side_of(replace(function, loc=Loc("/any/model/vmms/any_vmm.py", 1))) == ASKED_FOR
    assert not {"device_raise", "ack_APIC_irq"} & set(sides), "a guest's or a device's rule"


# --- what is kept, and what is not believed ---


def test_a_run_that_was_cut_short_goes_on(made: Made, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(made)
    whole = world_run.run(plan, log, 1)
    assert not whole.left and any(judged.verdicts for found in whole.all.values() for _, judged in found)
    lines = log.path.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 2
    log.path.write_bytes(lines[0] + lines[1][: len(lines[1]) // 2])  # killed while it wrote
    again = Log(log.path)
    assert 0 < len(again.found) < sum(map(len, whole.all.values()))
    assert world_run.run(plan, again, 1) == whole
    monkeypatch.setattr(world_run, "CellJudge", None)  # nobody asks it
    assert world_run.run(plan, Log(log.path), 1) == whole


def test_processes_that_share_a_cell_find_what_one_finds(
    made: Made, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, shared = tiny_plan(made), Log(tmp_path / "shared.jsonl")
    whole = world_run.run(plan, log, 1)
    monkeypatch.setattr(world_run, "LARGE", 0)
    assert world_run.run(plan, shared, 2) == whole and len(shared.found) == len(log.found)
    assert len(shared.path.read_bytes().splitlines()) > len(plan.places), "a line of each part"


def test_nothing_stale_is_believed(made: Made, tmp_path: Path) -> None:
    """Neither what other sources found, nor what a mutant of this name once did."""
    plan = tiny_plan(made)
    log = Log.of(tmp_path, "a" * 20)
    place = plan.places[0]
    mutant = plan.mutants(place)[0]
    log.add(place.title, {made.book.digest(mutant): Effect("other", {"no_storm": ("HOLDS", "VIOLATED")})})
    log.refresh()
    assert plan.killed(log) == {mutant.name: 0}
    assert not Log.of(tmp_path, "b" * 20).found
    renamed = Log(tmp_path / "other.jsonl")
    renamed.add(place.title, {"of another change": Effect("same")})
    renamed.refresh()
    assert not plan.killed(renamed) and mutant in plan.missing(place, renamed, {})


def test_every_source_that_has_a_say_is_in_the_digest(tmp_path: Path) -> None:
    files = ["model/kvm/lapic.py", "properties/eoi.py", "checker/engine/runtime.c", "oracles/world/judge.py"]
    silent = ["checker/command/list.py", "oracles/world/report.py", "oracles/kvm/vm.py"]
    for name in files + silent:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    before = world_run.sources_digest(tmp_path)
    for name in files + silent:
        (tmp_path / name).write_text("2")
        assert (world_run.sources_digest(tmp_path) != before) is (name in files), name
        (tmp_path / name).write_text("1")


def test_only_a_few_old_folders_are_left(tmp_path: Path) -> None:
    for name in "abcdefgh":
        Log.of(tmp_path, name).add("cell", {"m": Effect("same")})
    assert len(list(tmp_path.iterdir())) == world_run.LOGS + 1
    assert Log.of(tmp_path, "h").found


def test_what_is_told_does_not_depend_on_who_was_faster(made: Made, log: Log) -> None:
    """Beyond the cell that kills it, a mutant counts in small cells only, also if another process was there already."""
    world = made.of("qemu_kernel_migrated 0x11, xen, level")
    plan = Agenda([world], made.book, [world.mutants[0].name], False)
    first, second = plan.places[:2]
    plan.places = [first, replace(second, states=SMALL + 1)]
    kill = Effect("other", {"no_storm": ("HOLDS", "VIOLATED")})
    digest = made.book.digest(world.mutants[0])
    log.add(second.title, {digest: kill})
    log.refresh()
    assert plan.missing(first, log, plan.killed(log)), "an earlier cell is asked, whoever killed it later"
    log.add(first.title, {digest: kill})
    log.refresh()
    assert [place.rank for place, _ in world_run.outcome(plan, log).all[world.mutants[0].name]] == [first.rank]
    plan.full = True
    assert len(world_run.outcome(plan, log).all[world.mutants[0].name]) == 2


# --- what the report counts ---

HERE = Place(0, 0, "cell", 10, True, False)
BEYOND = Place(1, 0, "asked for", 10, False, False)
GENERAL = Place(2, 0, "of any guest", 10, True, True)
KILL = Effect("other", {"no_storm": ("HOLDS", "VIOLATED")})
FATES = [
    ([(HERE, KILL)], Survival.KILLED), ([(HERE, Effect("range")), (BEYOND, KILL)], Survival.BEYOND),
    ([(HERE, Effect("range"))], Survival.REFUSED), ([(HERE, Effect("other"))], Survival.UNSEEN),
    ([(HERE, Effect("limit"))], Survival.UNSEEN), ([(HERE, Effect("same"))], Survival.EQUAL),
]  # fmt: skip


@pytest.mark.parametrize(("found", "fate"), FATES, ids=[fate.name + str(n) for n, (_, fate) in enumerate(FATES)])
def test_the_fate_of_a_mutant(made: Made, found: list[tuple[Place, Effect]], fate: Survival) -> None:
    mutant = made.worlds[0].mutants[0]
    (said,) = told([mutant], Effects({mutant.name: found}), frozenset)
    assert said.fate is fate
    (unproved,) = told([mutant], Effects({mutant.name: [(HERE, Effect("same"))]}), lambda names: ())
    assert unproved.fate is Survival.UNMET
    (cut,) = told([mutant], Effects({mutant.name: [(HERE, Effect("same"))]}, [BEYOND]), frozenset)
    assert cut.fate is Survival.OPEN


@pytest.mark.parametrize(
    ("found", "fate"),
    [
        ([(HERE, Effect("alike")), (GENERAL, Effect("alike"))], Survival.ALIKE),
        ([(HERE, Effect("alike")), (GENERAL, Effect("same"))], Survival.ALIKE),
        ([(HERE, Effect("same")), (GENERAL, Effect("same"))], Survival.ALIKE),
        ([(HERE, Effect("alike")), (HERE, Effect("same"))], Survival.UNSEEN),  # of no guest that does all that it may
        ([(HERE, Effect("same")), (BEYOND, Effect("same"))], Survival.UNMET),
        ([(HERE, Effect("other")), (GENERAL, Effect("alike"))], Survival.UNSEEN),
        ([(GENERAL, Effect("limit"))], Survival.UNSEEN),
        ([(HERE, KILL), (GENERAL, Effect("alike"))], Survival.KILLED),
    ],
)
def test_alike_is_what_no_observer_tells_of_any_guest(
    made: Made, found: list[tuple[Place, Effect]], fate: Survival
) -> None:
    mutant = made.worlds[0].mutants[0]
    (said,) = told([mutant], Effects({mutant.name: found}), lambda names: ())
    assert said.fate is fate
    if fate in (Survival.ALIKE, Survival.UNMET):
        assert told([mutant], Effects({mutant.name: found}), frozenset)[0].fate is Survival.EQUAL


def report(made: Made, fates: list[Survival], every: int = 1, sides: tuple[str, ...] = tuple(TARGETS)) -> WorldReport:
    """So many mutants with these fates on each side."""
    base = made.worlds[0].mutants[0]
    first = (HERE, KILL.verdicts)
    listed = [
        MutantRow(replace(base, side=side), fate, first if fate is Survival.KILLED else None, 1, (), (), (),
             frozenset({"no_storm"} if fate is Survival.KILLED else ()))
        for side in sides for fate in fates
    ]  # fmt: skip
    return WorldReport("2026-11-28", "0", 1, every, False, listed, [], list(all_properties().values()))


def test_a_share_is_of_what_can_be_killed(made: Made) -> None:
    full = report(made, [Survival.KILLED, Survival.ALIKE, Survival.EQUAL, Survival.REFUSED])
    assert full.share(KVM) == 1.0 and full.missed() == [] and full.is_whole()
    for survivor in (Survival.UNSEEN, Survival.UNMET, Survival.BEYOND):
        assert report(made, [Survival.KILLED] * 9 + [survivor]).share(KVM) == 0.9
    almost = report(made, [Survival.KILLED] * 19 + [Survival.UNSEEN])
    assert almost.missed() == [KERNEL_CHIP, QEMU_CHIP]
    cut = report(made, [Survival.KILLED] * 3 + [Survival.OPEN])
    assert cut.share(KVM) == 0.75 and not cut.missed() and not cut.is_whole(), "nobody knows yet"
    assert report(made, [Survival.KILLED] * 3 + [Survival.OPEN, Survival.UNSEEN]).missed() == list(TARGETS)


def test_nothing_judged_is_no_pass(made: Made) -> None:
    assert not report(made, []).is_whole()
    assert not report(made, [Survival.KILLED], sides=(KVM,)).is_whole(), "a side without mutants"
    assert not report(made, [Survival.KILLED], every=8).is_whole()
    assert not report(made, [Survival.KILLED, Survival.OPEN]).is_whole()
    without = replace(report(made, [Survival.KILLED]), left_out=["qemu 0x11, any, level"])
    assert not without.is_whole() and "Left out, as they are large: qemu 0x11, any, level." in "\n".join(
        without.lines()
    )


def test_every_claim_has_its_row(made: Made) -> None:
    text = "\n".join(report(made, [Survival.KILLED]).lines())
    claims = [p.name for p in all_properties().values() if p.kind is not Kind.REACHABLE]
    assert len(claims) > 20 and all(f"| {name} |" in text for name in claims)
    assert "| no_storm | leads_to | 4 | 4 | 4 | 4 |" in text
