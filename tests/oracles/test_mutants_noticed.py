"""Which mutants are noticed, which never can be, and which a corpus is too short for: on toys where the answer is known,
against a brute force that shares no code with the judge, and on the rules of QEMU's I/O APIC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from checker.engine.native import Outcome
from checker.engine.reference import Reference, bindings_of
from checker.engine.search import Limits, NativeSearch
from checker.errors import InternalError
from checker.language import ir
from checker.language.layout import Layout
from checker.language.lower import lower
from model.designs.v6 import V6
from model.lang import Design, compose
from model.machine import IoapicVersion, Scope
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.harness import InKernel, SetUp, Split
from oracles.kvm.mutants import KVM, KVM_VIEW
from oracles.kvm.mutants import rules as kvm_rules
from oracles.kvm.view import KvmView
from oracles.lockstep import OracleMissing
from oracles.mutation import native
from oracles.mutation.judge import (
    BISIMILAR,
    IDLE,
    ONLY_MORE,
    RAISES_AT_START,
    SAME_GRAPH,
    BadWalk,
    Bounds,
    MutantJudge,
    Observables,
)  # fmt: skip
from oracles.mutation.make import Rules
from oracles.mutation.native import Corpus
from oracles.mutation.report import DEAD, Fate, Judged, MutantReport, merged
from oracles.qemu.harness import bench
from oracles.qemu.mutants import QEMU_VIEW, with_messages
from oracles.qemu.mutants import rules as qemu_rules
from oracles.record import Recorder
from oracles.walk import Subject, random_walks
from tests.rigs.mutant_toys import Diary, Door, Lamp, Parcel, Post, Queue, Sign, ToyScope, everything, judge, sign_shows

Walk = Sequence[Any]


def verdicts(
    design: type[Design], seen: Sequence[str], walks: Sequence[Walk], **options: Any
) -> dict[tuple[str, str], Judged]:
    """(function, what) -> the verdict."""
    judged = judge(design, seen, **options)
    report = judged.report(judged.corpus(walks))
    return {(j.mutant.function, j.mutant.what): j for j in report.judged}


def short(found: dict[tuple[str, str], Judged]) -> dict[str, str]:
    return {f"{function}: {what}": j.how.partition(":")[0] for (function, what), j in found.items()}


def run(
    system: type[Design], scope: Any, walks: Sequence[Walk], observables: Observables, rules: Rules = everything
) -> MutantReport:
    judged = MutantJudge(system, scope, observables, rules, Bounds(10_000, 10_000))
    return judged.report(judged.corpus(walks))


PRESS, PACK, SEND, WRITE = ("press", ()), ("pack", ()), ("send", ()), ("write", ())


def test_the_lamp() -> None:
    assert short(verdicts(Lamp, ["on"], [[PRESS]])) == {
        "press: dropped: if not s.stuck:": "differs",
        "press: not s.stuck -> True": SAME_GRAPH,  # `stuck` is never set
        "press: negated: s.stuck": "differs",
        "press: True -> False": "differs",
    }


def test_what_cannot_be_seen_is_not_noticed() -> None:
    """Seen is nothing but `stuck`, which never changes."""
    assert set(short(verdicts(Lamp, ["stuck"], [[PRESS]])).values()) == {BISIMILAR, SAME_GRAPH}


def test_hidden_fields_and_dead_code() -> None:
    assert short(verdicts(Diary, ["shown"], [[WRITE]])) == {
        "write: dropped: s.noted := True": BISIMILAR,
        "write: True -> False": BISIMILAR,
        "write: swapped: s.noted := True | s.shown := not s.shown": SAME_GRAPH,
        "write: dropped: s.shown := not s.shown": "differs",
        "write: swapped: s.shown := not s.shown | if s.locked:": SAME_GRAPH,
        "write: not s.shown -> True": "no walk notices it; a shortest one that would has 2 steps and then the mutant differs",
        "write: not s.shown -> False": "differs",
        "write: negated: s.shown": "differs",
        "write: dropped: if s.locked:": SAME_GRAPH,
        "write: s.locked -> True": "differs",
        "write: negated: s.locked": "differs",
        "write: False -> True": DEAD,
    }  # fmt: skip


def test_a_walk_that_is_too_short() -> None:
    """pack() without effect shows when something is sent, and not before."""
    lost = ("pack", "dropped: s.packed := True")
    early = verdicts(Parcel, ["arrived"], [[PACK]])[lost]
    assert early.fate is Fate.SURVIVOR
    assert early.walk == (PACK, SEND)
    assert "2 steps and then the mutant cannot take the step" in early.how
    late = verdicts(Parcel, ["arrived"], [[PACK], [PACK, SEND]])[lost]
    assert (late.fate, late.how, late.at) == (Fate.NOTICED, "cannot take the step", (1, 1))


def test_a_step_that_only_the_mutant_can_take() -> None:
    """No walk of the real system has it; that it did not happen there may have been seen."""
    weaker = ("send", "dropped: require s.packed")
    found = verdicts(Parcel, ["arrived"], [[PACK, SEND, SEND, PACK]])[weaker]
    assert (found.fate, found.how) == (Fate.SURVIVOR, ONLY_MORE)
    seen = verdicts(Parcel, ["arrived"], [[("send", (), False), PACK, SEND]])[weaker]
    assert (seen.fate, seen.how, seen.at) == (Fate.NOTICED, "can take a refused step", (0, 0))


def test_a_step_that_changes_nothing_is_no_difference() -> None:
    """Pushed again, an open door stays open: whether that is called a step cannot be seen, in a refusal neither."""
    found = verdicts(Door, ["open"], [[("push", ()), ("push", (), False)]])
    assert short(found) == {
        "push: dropped: require not s.open": IDLE,
        "push: not s.open -> False": "cannot take the step",
        "push: negated: s.open": "cannot take the step",
        "push: dropped: s.open := True": "differs",
        "push: True -> False": "differs",
    }


def test_a_value_that_is_none_raises() -> None:
    walk = [("serve", ()), ("arrive", (0,)), ("serve", ()), ("arrive", (0,)), ("arrive", (1,)), ("serve", ())]
    found = short(verdicts(Queue, ["served"], [walk]))
    assert found["serve: negated: is_some(place)"] == "raises"
    assert found["serve: not is_some(place) -> True"] == "differs"
    assert found["serve: highest(s.waiting): highest -> lowest"] == "differs"
    assert found["arrive: off by one: place"] == "differs"
    assert (
        found["serve: swapped: s.waiting := s.waiting without unwrap(place) | s.served := wrap(unwrap(place))"]
        == SAME_GRAPH
    )


def test_initial_is_a_rule_too() -> None:
    assert short(verdicts(Queue, ["first"], [[]]))["prefer: off by one: place"] == "differs"
    assert short(verdicts(Queue, ["served"], [[]]))["prefer: off by one: place"] == BISIMILAR  # `first` is never read
    assert (
        short(verdicts(Queue, ["first"], [[]]))["prefer: dropped: s.first := place"] == SAME_GRAPH
    )  # 1 is the default


def test_calls_can_be_seen() -> None:
    walk = [("write_to", (0, 1))]
    unseen = verdicts(Post, [], [walk])
    assert {j.fate for j in unseen.values()} == {Fate.EQUIVALENT}
    seen = verdicts(Post, [], [walk], calls=["letter"])
    assert seen["write_to", "letter(): arguments to and sender swapped"].how == "differs"
    assert seen["write_to", "dropped: if to != sender:"].how == "differs"
    always = seen["write_to", "to != sender -> True"]
    assert always.fate is Fate.SURVIVOR
    assert always.walk == (("write_to", (0, 0)),)


def test_a_function_that_only_looks_is_a_rule_too() -> None:
    """No step calls it: its mutants are in what is seen, from the start on, and dead is only what is never asked."""
    for walks in ([], [[]]):
        found = verdicts(Sign, [], walks, conditions=[sign_shows])
        verdict = Fate.NOTICED if walks else Fate.SURVIVOR
        told = found["shows", "negated: s.lit"]
        assert (told.fate, told.walk) == (verdict, None if walks else ())
        raises = found["shows", "negated: is_some(place)"]  # reads the place where there is none
        assert raises.fate is verdict
        assert found["shows", "unwrap(place) > 0 -> False"].how == DEAD
        assert found["turn", "not s.lit -> False"].fate is Fate.SURVIVOR


def test_without_walks_nothing_is_noticed() -> None:
    for design in (Lamp, Parcel, Queue):
        found = verdicts(design, [name for name, _ in design.state_type(ToyScope()).fields], [])
        assert not [j for j in found.values() if j.fate is Fate.NOTICED]
        assert [j for j in found.values() if j.fate is Fate.SURVIVOR]


def test_what_cannot_be_decided_survives() -> None:
    found = verdicts(Parcel, ["arrived"], [], pairs=1)
    how = {j.how.partition(":")[0] for j in found.values()}
    assert "undecided" in how
    assert all(j.fate is not Fate.EQUIVALENT for j in found.values())


def test_a_walk_of_another_model_is_refused() -> None:
    with pytest.raises(BadWalk, match=r"walk 1, step 2: the model says otherwise: send\(\)"):
        verdicts(Parcel, ["arrived"], [[PACK], [("send", (), False), SEND]])
    with pytest.raises(BadWalk, match="there is no step"):
        verdicts(Parcel, ["arrived"], [[("pack", (1,))]])
    with pytest.raises(BadWalk, match=r"not possible: send\(\)"):
        verdicts(Parcel, ["arrived"], [[PACK, ("send", (), False)]])


# --- against a brute force ---


def distinguishable(design: type[Design], seen: Sequence[str], changed: ir.Function) -> bool:
    """Is there a walk that tells the mutant from the original? Each is compiled by itself, as any model is; the pairs
    of states are walked in Python."""
    program, scope = lower(design, ToyScope()), ToyScope()
    other = replace(program, functions={**program.functions, changed.name: changed})
    one, two = (NativeSearch(p, Reference(design, scope), keep_edges=False).exploration for p in (program, other))
    layout = Layout(program)
    look = [i for i, leaf in enumerate(layout.leaves) if str(leaf) in seen]
    begin = one.state(0)
    waiting, met = [(begin, begin)], {(begin, begin)}
    for x, y in waiting:
        mine, theirs = dict(one.successors(x)), dict(two.successors(y))
        for label, after in mine.items():
            if label not in theirs:
                return True
            codes = [layout.from_bytes(s) for s in (after, theirs[label])]
            if any(codes[0][i] != codes[1][i] for i in look):
                return True
            pair = after, theirs[label]
            if pair not in met:
                met.add(pair)
                waiting.append(pair)
    return False


@pytest.mark.parametrize(
    ("design", "seen"), [(Lamp, ["on"]), (Parcel, ["arrived"]), (Diary, ["shown"]), (Diary, ["noted"])]
)
def test_equivalent_means_what_it_says(design: type[Design], seen: list[str]) -> None:
    judged = judge(design, seen)
    report = judged.report(judged.corpus([]))  # no walk: nothing is noticed before it is decided
    answers = set()
    for j in report.judged:
        unnoticeable = j.fate is Fate.EQUIVALENT or j.how == ONLY_MORE
        assert unnoticeable == (not distinguishable(design, seen, j.mutant.changed)), (str(j.mutant), j.how)
        answers.add(unnoticeable)
    assert answers == {True, False}


def test_the_shortest_walk_is_one() -> None:
    """What a survivor says would notice it does notice it, and no shorter walk does."""
    judged = judge(Diary, ["shown"])
    survivors = [j for j in judged.report(judged.corpus([])).judged if j.walk]
    assert len(survivors) > 3
    for j in survivors:
        assert j.walk is not None
        walk = [WRITE] * len(j.walk)
        assert judged.judge(j.mutant, judged.corpus([walk])).fate is Fate.NOTICED
        assert judged.judge(j.mutant, judged.corpus([walk[1:]])).fate is Fate.SURVIVOR


def test_a_broken_compiler_of_mutants_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original is compiled with the mutants; if it were not the original, its start would not be CPython's."""
    real = native._with_variants

    def wrong(program: ir.Program, mutants: Sequence[ir.Function], numbered: Any) -> ir.Program:
        broken = replace(program.functions["prefer"], body=())
        return real(replace(program, functions={**program.functions, "prefer": broken}), mutants, numbered)

    monkeypatch.setattr(native, "_with_variants", wrong)
    monkeypatch.setattr(Queue, "first", 0)
    with pytest.raises(InternalError, match="initial"):
        judge(Queue, ["first"])


# --- reports ---


def toy_report(walks: Sequence[Walk]) -> MutantReport:
    return run(Parcel, ToyScope(), walks, Observables(("arrived",)))


def test_the_report_counts() -> None:
    report = toy_report([[PACK, SEND]])
    assert report.numbers("toy") == {
        "rules": 2, "generated": 7, "discarded": {"requires after a write": 1}, "same": 1, "equivalent": {},
        "noticed": {"cannot take the step": 4, "differs": 2}, "survivors": 1, "assumptions": 0, "noticed_share": 0.8571,
    }  # fmt: skip
    assert not report.reaches_target()
    text = "\n".join(report.lines())
    assert "6 noticed (4 cannot take the step, 2 differs): 85.7 % of 7" in text
    assert ONLY_MORE in text
    assert text.isascii()
    assert [m["verdict"] for m in report.to_json()["mutants"]].count("survivor") == 1


def test_scopes_are_merged() -> None:
    """Noticed in one is noticed; a survivor in one and equivalent in the other is a survivor."""
    blind, seeing = toy_report([]), toy_report([[PACK, SEND]])
    both = merged([blind, seeing])
    assert both.numbers("toy")["noticed"] == seeing.numbers("toy")["noticed"]
    assert both.steps == 2
    lamp = [run(Lamp, ToyScope(), [], Observables(see)) for see in (("stuck",), ("on",))]
    assert lamp[0].numbers("toy")["survivors"] == 0
    assert merged(lamp).numbers("toy")["survivors"] == 3
    with pytest.raises(ValueError):
        merged([])


# --- the rules of QEMU's I/O APIC ---


def random_corpus(judged: MutantJudge, search: NativeSearch, steps: int, length: int) -> Corpus:
    """Random walks of the model itself: they stand in for recorded ones, since what was recorded agreed with it."""
    chooser, walks = np.random.default_rng(1), []
    graph = search.exploration.graph()
    for _ in range(steps // length):
        state, walk = 0, []
        for _ in range(length):
            edge = chooser.integers(int(graph.row[state]), int(graph.row[state + 1]))
            walk.append(int(graph.label[edge]))
            state = int(graph.target[edge])
        walks.append(np.array(walk, np.uint16))
    return judged.checked(Corpus.of(walks))


def ioapic_judge(scope: Scope) -> MutantJudge:
    return MutantJudge(with_messages(bench()), scope, QEMU_VIEW, qemu_rules, Bounds())


def ioapic_report(scope: Scope, steps: int) -> MutantReport:
    judged = ioapic_judge(scope)
    system = judged.system
    search = NativeSearch(lower(system, scope), Reference(system, scope), keep_edges=True)
    assert search.run(Limits(), None) is Outcome.COMPLETE
    return judged.report(random_corpus(judged, search, steps, 100))


def test_mutants_of_qemus_ioapic() -> None:
    wide = [Scope(cpus=1, pins=2, vectors=2, ioapic=version) for version in IoapicVersion]
    reports = [ioapic_report(scope, 10_000) for scope in wide]
    reports.append(ioapic_report(Scope(1, 1, 1, IoapicVersion.V20, throttle=True), 60_000))
    report = merged(reports)
    numbers = report.numbers("I/O APIC")
    assert numbers["generated"] > 150
    assert report.reaches_target(), report.text()
    assert all(j.walk for j in report.of("I/O APIC", Fate.SURVIVOR))
    # Its `require` weakened, the 10 ms timer fires unasked, and then finds nothing to send.
    idle = {(j.mutant.function, j.mutant.what.partition(":")[0]) for j in report.judged if j.how == IDLE}
    assert ("delayed_ioapic_service_cb", "dropped") in idle
    assert {function for function, _ in idle} == {"delayed_ioapic_service_cb"}
    assert RAISES_AT_START not in {j.how for j in report.judged}


def test_what_is_noticed_is_not_equivalent() -> None:
    """The two are found in different ways: by walks, and by all pairs of states. They never contradict each other."""
    scope = Scope(cpus=1, pins=1, vectors=2, ioapic=IoapicVersion.V20)
    judged = ioapic_judge(scope)
    search = NativeSearch(lower(judged.system, scope), Reference(judged.system, scope), keep_edges=True)
    assert search.run(Limits(), None) is Outcome.COMPLETE
    noticed = judged.report(random_corpus(judged, search, 2_000, 50)).of("I/O APIC", Fate.NOTICED)
    assert len(noticed) > 50
    nothing = Corpus.of([])
    assert {judged.judge(j.mutant, nothing).fate for j in noticed} == {Fate.SURVIVOR}


# --- walks that a real kernel took ---


@pytest.mark.parametrize("scene", [SetUp, Split, InKernel])
def test_the_view_of_kvm_is_what_the_oracle_compares(scene: type[Design]) -> None:
    """Two states look the same to the judge exactly if they do to oracles/kvm/view.py."""
    system, scope = compose(scene, LiveKvm, V6), Scope(cpus=1, pins=1, vectors=2, ioapic=IoapicVersion.V11)
    reference, view = Reference(system, scope), KvmView(1, 1, 2)
    states = reference.explore(max_states=600).states[::3]
    names = [str(leaf) for leaf in Layout(lower(system, scope)).leaves]
    leaves = [i for i, name in enumerate(names) if KVM_VIEW.sees(name)]
    conditions = [c for c in KVM_VIEW.conditions if c.why_not(system) is None]
    pairs = set()
    for state in states:
        seen = [reference.holds(c.function, args, state) for c in conditions for args in bindings_of(c, scope)]
        reference.go_to(state)
        shown = view.expected(reference.system, {0: 1})  # vCPU 0 has just run
        pairs.add((tuple(seen) + tuple(state[i] for i in leaves), tuple(sorted(shown.items()))))
    assert len(pairs) > 20
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)


def test_walks_of_the_running_kernel() -> None:
    """The whole way: a scene in lock-step with /dev/kvm, recorded, and the mutants of its rules judged by that."""
    try:
        real = LiveKvmSystem()
    except OracleMissing as missing:
        pytest.skip(str(missing))
    system, scope = compose(Split, LiveKvm, V6), Scope(cpus=1, pins=1, vectors=2, ioapic=IoapicVersion.V11)
    subject = Subject(system, scope, real)
    recorder = Recorder(subject)
    walked = random_walks(subject, 1, 4_000, length=100, on_step=recorder, seconds=20)
    if walked.disagreement is not None:
        pytest.skip(f"the running kernel is not v6: {walked.disagreement.mismatch}")
    report = run(system, scope, recorder.walks, KVM_VIEW, kvm_rules)
    share = report.noticed_share(KVM)
    assert report.steps >= 4_000
    assert share is not None
    assert share > 0.6, report.lines()  # so few steps notice most of them
