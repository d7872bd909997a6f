"""Number 4 of the five numbers: scenes, directed walks, refusals, and what `eoi conform kvm|qemu --mutants` prints."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checker.command import cli
from checker.matrix.roles import designs
from model.lang import Design, compose
from model.machine import ApiFlags, IoapicVersion, IrqchipMode, Scope
from oracles.kvm import abi, harness, subjects
from oracles.kvm import mutants as kvm_mutants
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.mutants import KVM_VIEW, Refusals, rules, scenes
from oracles.kvm.view import KvmView
from oracles.lockstep import OracleMissing, Seen, TooLate
from oracles.mutation.judge import SAME_GRAPH, Bounds, MutantJudge, Observables
from oracles.mutation.report import DEAD, DIRECTED, Fate, Judged, merged
from oracles.mutation.scenes import TRIES, MutantRun, MutantScene, judge_scenes
from oracles.qemu import mutants as qemu_mutants
from oracles.report import Conformance, Disagreed
from oracles.walk import Subject
from tests.rigs.mutant_toys import everything
from tests.rigs.oracle_toy import Counter, RealCounter, Slots
from tests.rigs.qemu_here import needs_qemu


def toy(bug: str = "", cannot: str = "", *, steps: int = 1) -> MutantRun:
    """So few steps that most mutants are not noticed by the random walk."""
    subject = Subject(Counter, Slots(), RealCounter(bug, cannot))
    return judge_scenes([MutantScene("toy", subject, Observables(("full",)))], everything, 1, steps)


def test_a_directed_walk_makes_a_survivor_noticed() -> None:
    """One random step of the real thing tells little. The walks that the judge asks for tell everything else."""
    run = toy()
    directed = [j for j in run.report.judged if j.how.startswith(DIRECTED)]
    assert run.disagreement is None
    assert len(directed) == run.directed > 5
    assert all(j.fate is Fate.NOTICED and j.walk for j in directed)
    assert run.report.steps == 1 + sum(len(j.walk or ()) for j in directed)
    assert not [j for j in run.report.of("toy", Fate.SURVIVOR) if j.walk]
    assert run.report.numbers("toy")["noticed"][DIRECTED] == run.directed


def test_without_directed_walks_they_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracles.mutation.scenes._directed", lambda run, trial, say: None)
    assert len([j for j in toy().report.of("toy", Fate.SURVIVOR) if j.walk]) > 5


@pytest.mark.parametrize("bug", ["keeps2", "silent1"])
def test_a_directed_walk_on_which_the_real_system_differs_is_a_divergence(bug: str) -> None:
    """The one random step does not meet the bug; then a mutant like it is no mutant that was noticed."""
    run = toy(bug)
    assert run.disagreement is not None
    result = Conformance("kvm", "a set", "toy", "")
    with pytest.raises(Disagreed):
        run.add_to(result)
    assert "differ" in result.mutants and result.sections[-1].unexplained == 1


def test_a_walk_that_cannot_be_taken_leaves_a_survivor_with_the_reason() -> None:
    survivors = toy(cannot="take").report.of("toy", Fate.SURVIVOR)
    assert [j for j in survivors if j.how.endswith("it cannot be taken here: take(): not here")]


class OftenLate(RealCounter):
    """After the first walk, the random one, so many walks in a row are too late, and then one is not."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.row, self.late = times, 0, False

    def start(self, system: Design) -> None:
        super().start(system)
        self.late = self.started > 1 and self.row < self.times
        self.row = self.row + 1 if self.late else 0

    def perform(self, entry: str, system: Design, args: Sequence[Any]) -> None:
        super().perform(entry, system, args)
        if self.late and entry != "reset":
            raise TooLate("late")


@pytest.mark.parametrize("times", [TRIES - 1, TRIES])
def test_a_walk_that_was_too_late_is_taken_again(times: int) -> None:
    subject = Subject(Counter, Slots(), OftenLate(times))
    report = judge_scenes([MutantScene("toy", subject, Observables(("full",)))], everything, 1, 1).report
    late = [j for j in report.of("toy", Fate.SURVIVOR) if j.how.endswith("it cannot be taken here: late")]
    assert bool(late) == (times == TRIES)


def test_an_assumption_about_time_is_no_rule_and_is_named() -> None:
    scope = Scope(cpus=1, pins=1, vectors=1, ioapic=IoapicVersion.V11)
    judge = MutantJudge(compose(harness.InKernel, LiveKvm, designs()["v6"]), scope, KVM_VIEW, rules, Bounds())
    mutants = [m for m in judge.made.mutants if m.function.endswith("ten_milliseconds_pass")]
    judged = [judge.judge(m, judge.corpus([])) for m in mutants]
    assert {j.fate for j in judged} == {Fate.ASSUMPTION} and len(judged) > 20
    other = next(m for m in judge.made.mutants if m not in mutants)
    noticed = Judged(replace(other, side="I/O APIC"), Fate.NOTICED, "differs")
    run = toy()
    run.trials = [
        replace(run.trials[0], report=replace(toy().report, judged=[*judged, noticed], rules={"I/O APIC": []}))
    ]
    said = " ".join(" ".join(run.lines()).split())
    assert (
        f"assumptions about time, not rules of KVM: {len(judged)} {len(judged)} I/O APIC: ten_milliseconds_pass():"
        in said
    )
    assert (
        f"0 equivalent, {len(judged)} assumptions about time, not rules of KVM, {len(judged) + 1} generated"
        in run.report.summary()
    )
    assert run.report.noticed_share("I/O APIC") == 1.0


def test_what_an_earlier_scene_noticed_is_not_judged_again() -> None:
    subject = Subject(Counter, Slots(), RealCounter())
    scene = MutantScene("toy", subject, Observables(("full",)))
    first, second = judge_scenes([scene, scene], everything, 1, 400).trials
    noticed = {j.mutant.name for j in first.report.of("toy", Fate.NOTICED)}
    assert noticed
    assert {j.mutant.name for j in second.report.judged} == {j.mutant.name for j in first.report.judged} - noticed


def test_what_one_scene_reaches_is_not_dead() -> None:
    """Whichever comes first: a rule that some scene runs is not equivalent for want of a scene."""
    report = toy().report
    mutant = report.judged[0].mutant
    dead, same = (replace(report, judged=[Judged(mutant, Fate.EQUIVALENT, how)]) for how in (DEAD, SAME_GRAPH))
    for order in ([dead, same], [same, dead]):
        assert [j.how for j in merged(order).judged] == [SAME_GRAPH]
    noticed = replace(report, judged=[Judged(report.judged[1].mutant, Fate.NOTICED, "differs")])
    only = merged([dead, noticed, dead])
    assert "equivalent (1 of them in code that no scene reaches)" in only.summary()


def test_number_four() -> None:
    run, result = toy(), Conformance("kvm", "a set", "toy", "")
    run.add_to(result)
    said = " ".join(result.lines()[2:])
    noticed = len(run.report.of("toy", Fate.NOTICED))
    assert f"4. mutants noticed: toy: {noticed} of " in " ".join(said.split())
    lines = result.mutant_table()
    assert all(len(line) <= 72 and line.isascii() for line in lines)
    numbers = json.loads(json.dumps(result.as_json()))["mutant_numbers"]
    assert len(numbers["survivors"]) == numbers["sides"]["toy"]["survivors"]


# ---- what KVM can be seen not to do ----


def shown(irr: int, ppr: int) -> int:
    """The code of `deliverable` for a LAPIC page with one pending vector."""
    page = bytearray(1024)
    struct.pack_into("<I", page, abi.LAPIC_IRR + 16 * (irr // 32), 1 << irr % 32)
    struct.pack_into("<I", page, 0xA0, ppr)
    vcpu = SimpleNamespace(has_lapic=True, get_lapic=lambda: page)
    vm = SimpleNamespace(check_extension=lambda capability: 0, vcpus={0: vcpu})  # type: ignore[misc]
    return KvmView(1, 1, 2).observe(cast(Any, vm), IrqchipMode.SPLIT, 0, {})["apic[0].deliverable"]


def test_deliverable_is_above_the_class_of_ppr() -> None:
    """SDM 12.8.3.1: a vector is dispensed only if its class, its bits 7:4, is greater than PPR's."""
    assert [shown(0x41, ppr) for ppr in (0, 0x31, 0x3F, 0x40, 0x41, 0x50)] == [2, 2, 2, 0, 0, 0]
    assert [shown(0x31, ppr) for ppr in (0x2F, 0x30)] == [1, 0]


def refusals(changes: bool = False, armed: float | None = None, **entry: int) -> list[str]:
    """What is concluded from a latched, open level pin; the entry's fields may be given."""
    pin = {"vector": 0, "dest": 0, "trigger": 1, "mask": 0, "remote_irr": 0, "irr": 1} | entry
    seen = {"apic[0].spiv_enabled": 1, "apic[0].irr": 0, "apic[0].deliverable": 1}
    seen |= {f"ioapic[0].{name}": code for name, code in pin.items()}
    real = SimpleNamespace(observe=lambda: {**seen, "apic[0].irr": int(changes)})  # type: ignore[misc]
    real.throttle = SimpleNamespace(armed=armed)
    return [
        name for name, _ in Refusals(cast(Any, real))(Seen(("line", (0, True)), seen, seen, ("kvm_ioapic_set_irq",)))
    ]


def test_nothing_is_sent_by_itself() -> None:
    assert refusals() == ["kvm_ioapic_eoi_inject_work"]
    assert refusals(changes=True) == []  # it was sent
    assert refusals(armed=1.0) == []  # it will be
    for entry in ({"mask": 1}, {"remote_irr": 1}, {"trigger": 0}, {"irr": 0}):
        assert refusals(**entry) == [], entry  # nothing would be seen


# ---- the commands ----


def one_scene(kernel: Any, real: LiveKvmSystem) -> list[MutantScene]:
    return [next(s for s in scenes(kernel, real) if s.title.startswith("SetUp"))]


def test_conform_kvm_prints_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    try:
        LiveKvmSystem().close()
    except OracleMissing as error:
        pytest.skip(f"no live KVM: {error}")
    monkeypatch.setattr(kvm_mutants, "scenes", one_scene)
    assert cli.main(["conform", "kvm", "--mutants", "--steps", "1500", "--write", str(tmp_path)]) == 0
    check_output(capsys.readouterr().out, tmp_path, "kvm", "KVM")


@needs_qemu
def test_conform_qemu_prints_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    whole = qemu_mutants.scenes
    monkeypatch.setattr(qemu_mutants, "scenes", lambda real: list(whole(real))[1:2])
    assert cli.main(["conform", "qemu", "--mutants", "--steps", "1500", "--write", str(tmp_path)]) == 0
    check_output(capsys.readouterr().out, tmp_path, "qemu", "I/O APIC")


def test_mutants_have_their_own_scopes(capsys: Any) -> None:
    assert cli.main(["conform", "kvm", "--mutants", "--scope", "cpus=1"]) == 2
    assert "--scope is for --cover and --random" in capsys.readouterr().err


def check_output(out: str, folder: Path, oracle: str, side: str) -> None:
    words = " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 72
    assert (
        f"4. mutants noticed: {side}: " in words
        and " equivalent (" in words
        and "3. unexplained divergences: 0" in words
    )
    assert {path.name for path in folder.iterdir()} == {f"mutants-{oracle}.txt", f"mutants-{oracle}.json"}
    raw = json.loads((folder / f"mutants-{oracle}.json").read_text())
    assert raw["sides"][side]["noticed_share"] > 0.9
    assert len(raw["mutants"]) == sum(numbers["generated"] for numbers in raw["sides"].values()) > 100
    assert (folder / f"mutants-{oracle}.txt").read_text().startswith(raw["oracle"][:20])


def test_scenes_cover_every_flag_and_both_irqchips() -> None:
    found = list(scenes(designs()["v6"], cast(Any, None)))
    split = {s.subject.scope.flags for s in found if "Split" in s.title}
    assert split == {ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3}
    assert {s.subject.scope.flags for s in found if "InKernel" in s.title} == {ApiFlags.NONE, ApiFlags.BIT3}
    assert {s.subject.scope.ioapic for s in found} == {IoapicVersion.V11}
    assert [s.title.partition(",")[0] for s in found if s.subject.scope.throttle] == ["Throttled InKernel"]
    assert [s.subject.scope.cpus * s.subject.scope.vectors for s in found if "Moved" in s.title] == [4]
    assert subjects.BY_FLAGS[0] == "base"
