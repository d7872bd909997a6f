"""An engine that says something else than CPython gives no verdict, whatever it is that differs (questions/recheck.py)."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from enum import Enum
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pytest

from checker.command.cli import main
from checker.engine import kept
from checker.engine import prepare as prepare_module
from checker.engine.native import NONE, Exploration, Graph
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.engine.shared import Shared
from checker.errors import EnginesDisagree
from checker.language.lower import lower
from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from checker.matrix.roles import all_properties
from checker.questions import campaign, recheck, relation
from checker.questions.recheck import LEAST, MOST, Recheck, share
from checker.questions.shown import Shown
from checker.questions.verdict import Judge, Run, Status, check_cell
from model.lang import Design, Fair, Index, Scope, always, leads_to, reachable, step
from tests.rigs.model_cells import one_cell
from tests.rigs.user_file import GOOD

ALL = 10**9  # states: the whole cell


@pytest.fixture
def unkept(monkeypatch):
    """Nothing is known to have been checked."""
    monkeypatch.setenv("EOI_ANEW", "1")


@functools.cache
def cell():
    """One whose properties hold, are violated, are violated by a lasso, and speak of steps."""
    return one_cell("v1", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=2,vectors=1")


def known():
    return list(all_properties().values())


def judged(again=ALL, of=None):
    return check_cell(of or cell(), known(), engine="native", again=again)


def test_an_engine_that_says_what_cpython_says(unkept):
    result = judged()
    kinds = {(v.property.kind, v.status) for v in result.verdicts}
    assert {(k, s) for k in ("always", "leads_to") for s in (Status.HOLDS, Status.VIOLATED)} <= kinds
    assert result.stats.states > 20


# --- an engine that lies about what it explored; the truth is a value of `was` ---


def changed(monkeypatch, of, name, lie):
    honest = getattr(of, name)
    monkeypatch.setattr(of, name, lambda *given: lie(honest(*given), *given))


def refused(monkeypatch, of, name, lie, match, number=ALL):
    """With a lie in the place of something, that there is no verdict, and why."""
    with monkeypatch.context() as patched:
        patched.setattr(of, name, lie)
        with pytest.raises(EnginesDisagree, match=match):
            looked_at_again(number)


FIRST = ("first_states", "first_edges")  # what says where each value was first seen


def seen():
    """(value, bit) of all that is seen in the cell: of states, of steps."""
    search = explored()
    first, edges = search.first_states(), search.exploration.first_edges()
    return np.argwhere(first != NONE).tolist(), np.argwhere(edges[:, :, 0] != NONE).tolist()


@functools.cache
def explored():
    asked = tuple(p for p in known() if p.why_not(cell().system) is None)
    prepared, reference = prepare(cell().system, cell().scope, asked), Reference(cell().system, cell().scope)
    search = NativeSearch(prepared.program, reference, keep_edges=True, prepared=prepared)
    search.run(Limits(), None)
    search.graph()
    return search


def looked_at_again(number=ALL, asked=None):
    asked = asked or [p for p in known() if p.why_not(cell().system) is None]
    prepared = SimpleNamespace(properties=asked, path=None)  # nothing is kept of it
    Recheck(cell(), prepared, explored(), Reference(cell().system, cell().scope)).states(number)


def test_a_value_that_is_kept_back_is_noticed(monkeypatch):
    """Of each formula and each value: that it never occurs."""
    for name, of, all_seen in zip(FIRST, (explored(), explored().exploration), seen(), strict=True):
        assert len(all_seen) >= 6
        for value, bit in all_seen:
            lie = getattr(of, name)().copy()
            lie[value, bit] = NONE
            refused(monkeypatch, of, name, lambda lie=lie: lie, "never")


def test_a_value_that_is_seen_where_it_is_not_is_noticed(monkeypatch):
    """Where a value was first seen is looked at, also where the sample is small."""
    for name, of, all_seen in zip(FIRST, (explored(), explored().exploration), seen(), strict=True):
        for value, bit in all_seen:
            lie = getattr(of, name)().copy()
            lie[1 - value, bit] = lie[value, bit]
            refused(monkeypatch, of, name, lambda lie=lie: lie, "CPython says", 1)


def test_a_value_that_is_wrong_somewhere_is_noticed(monkeypatch):
    search = explored().exploration
    honest, states = search.atoms_at, search.stats().states
    for bit in range(search.shape.n_atoms):
        at = 1 + bit % (states - 1)

        def lying(number, bit=bit, at=at):
            found = honest(number)
            found[bit] ^= number == at
            return found

        refused(monkeypatch, search, "atoms_at", lying, f"in state {at}: the engine says")


def without_edge(g, k):
    row = g.row.copy()
    row[np.searchsorted(g.row, k, side="right") :] -= 1
    return Graph(row, np.delete(g.target, k), np.delete(g.label, k), g.initial)


LIES_ABOUT_EDGES = {
    "one is missing": without_edge,
    "another label": lambda g, k: replace(g, label=np.where(np.arange(len(g.label)) == k, g.label ^ 1, g.label)),
    "another target": lambda g, k: replace(g, target=np.where(np.arange(len(g.label)) == k, g.target ^ 1, g.target)),
}


@pytest.mark.parametrize("lie", LIES_ABOUT_EDGES)
def test_a_wrong_edge_is_noticed(monkeypatch, lie):
    graph = explored().graph()
    for k in range(len(graph.label)):
        refused(monkeypatch, explored(), "_graph", LIES_ABOUT_EDGES[lie](graph, k), "that only one has")


def test_a_state_that_is_not_stored_is_noticed(monkeypatch):
    search = explored().exploration
    honest = search.find
    for number in range(1, search.stats().states):
        gone = search.state(number)
        lie = functools.partial(lambda gone, raw: None if raw == gone else honest(raw), gone)
        refused(monkeypatch, search, "find", lie, "to no state that there is")


def test_another_fairness_or_start_is_noticed(monkeypatch):
    search = explored()
    refused(monkeypatch, search, "fairness", [Fair.FREE] * len(search.fairness), "what a run owes", 1)
    honest = search.codes
    refused(monkeypatch, search, "codes", lambda state: honest(state or 1), "the initial state", 1)


def test_formulas_in_another_order_are_noticed():
    """Nothing is found by a name that the engine gives it: exchange two properties, or leave one out."""
    asked = [p for p in known() if p.why_not(cell().system) is None]
    for other in ([asked[1], asked[0], *asked[2:]], asked[1:], [*asked, asked[0]]):
        with pytest.raises(EnginesDisagree):
            looked_at_again(asked=other)


# --- the sample ---


def test_a_sample_of_nothing_is_no_sample(monkeypatch):
    with pytest.raises(EnginesDisagree, match="the sample"):
        looked_at_again(0)
    monkeypatch.setattr(recheck._Sample, "_formulas", lambda *_: None)
    with pytest.raises(EnginesDisagree, match="the sample"):
        looked_at_again()


def test_how_large_a_sample_is():
    assert share(1) == MOST == 1_000 and share(96) >= LEAST and share(10**6) == LEAST > 0
    assert all(share(n) * n >= 1_000 for n in range(1, 500))


@pytest.mark.everything
def test_the_sample_is_taken(monkeypatch, unkept):
    """Of every whole search, as large as it was asked for, in CPython; all of it where it is smaller."""
    counts, check = [], recheck._Sample.check
    evaluated = []
    all_hold = Reference.all_hold
    monkeypatch.setattr(recheck._Sample, "check", lambda self, n: counts.append(check(self, n)) or counts[-1])
    monkeypatch.setattr(Reference, "all_hold", lambda *given: evaluated.append(given[2]) or all_hold(*given))
    result = judged(5)
    assert 5 <= counts[0] < result.stats.states
    judged(ALL)
    assert counts[1] == result.stats.states == len(set(evaluated))
    large = one_cell("v1", "qemu", "0x11", "linux")
    assert judged(1_000, large).stats.states > 1_000 <= counts[2]


def test_what_follows_the_sample_is_looked_at(monkeypatch):
    """A formula that is wrong in a state that a step from the sample leads to, and that is not in the sample itself."""
    search, found = explored(), []
    values = search.values
    with monkeypatch.context() as patched:
        patched.setattr(search, "values", lambda state: found.append(state) or values(state))
        patched.setattr(recheck._Sample, "_steps", lambda *_: None)
        looked_at_again(3)
    assert len(found) == 3
    after = {target for state in found for _, target in search.edges(state)} - set(found)
    assert after
    for state in after:
        lie = functools.partial(
            lambda at, number: [1 - v for v in values(number)] if number == at else values(number), state
        )
        refused(monkeypatch, search, "values", lie, f"in state {state}: the engine says", 3)


def test_of_shared_searches_one_is_looked_at_of_each_program(monkeypatch, unkept):
    looked, check, shared = [], recheck._Sample.check, Shared()
    monkeypatch.setattr(recheck._Sample, "check", lambda self, n: looked.append(self.of.cell) or check(self, n))
    other = replace(cell(), scope=replace(cell().scope, x2apic=not cell().scope.x2apic))
    base = one_cell("base", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=2,vectors=1")
    for of in (cell(), cell(), other, base, other):
        check_cell(of, known(), shared=shared, again=5)
    assert looked == [cell(), base]


# --- runs ---


def cut(run: Run) -> Run:
    return Run(run.moves[:-1], run.codes[:-1], run.loop_start, run.stutter)


@pytest.mark.parametrize("kind", ["always", "leads_to", "reachable"])
def test_a_run_that_does_not_show_it_is_no_verdict(monkeypatch, unkept, kind):
    status = Status.REACHED if kind == "reachable" else Status.VIOLATED
    found = [v.property for v in judged().verdicts if v.property.kind == kind and v.status is status and v.run.moves]
    assert found
    with monkeypatch.context() as patched:
        changed(patched, Judge, "_run", lambda found, *_: (cut(found[0]), found[1]))
        for p in found:
            with pytest.raises(
                EnginesDisagree, match=f"{p.name}.*the engine says {status.value}, but CPython says that run"
            ):
                check_cell(cell(), [p], engine="native")


def test_another_binding_is_no_verdict(unkept):
    (verdict,) = check_cell(one_cell("v1", "qemu", "0x11", "windows_cg"), [all_properties()["no_eoi_lost"]]).verdicts
    of = one_cell("v1", "qemu", "0x11", "windows_cg")
    run, check = verdict.run, Recheck(of, None, explored(), Reference(of.system, of.scope))
    shown = (run.codes, run.moves, run.loop_start, run.stutter)
    check.run(verdict.property, verdict.binding, shown)
    with pytest.raises(EnginesDisagree, match="does not show it"):
        check.run(verdict.property, {"pin": 1 - verdict.binding["pin"]}, shown)


class Where(Enum):
    OUT = "out"
    WAITS = "waits"
    SERVED = "served"


class Toy(Design):
    """Somebody waits, and may be served; two steps lead round."""

    scope: Scope
    where: Where = Where.OUT
    round: Annotated[int, Index(2)] = 0

    @step(by="guest")
    def ask(self) -> None:
        self.where = Where.WAITS

    @step(by="host", fair=Fair.WEAK)
    def serve(self) -> None:
        self.where = Where.SERVED

    @step(by="guest")
    def turn(self) -> None:
        self.round = 1 - self.round


class Lazy(Toy):
    @step(by="host")
    def serve(self) -> None:
        self.where = Where.SERVED


class Once(Toy):
    @step(by="host", fair=Fair.FINITE)
    def serve(self) -> None:
        self.where = Where.SERVED


class Begun(Toy):
    """The same but for where it begins."""

    def initial(self) -> None:
        self.where = Where.SERVED


@leads_to()
def served(s: Toy) -> tuple[bool, bool]:
    """Who waits is served."""
    return s.where == Where.WAITS, s.where == Where.SERVED


@always()
def nobody_waits(s: Toy) -> bool:
    """Nobody waits."""
    return s.where != Where.WAITS


@reachable()
def somebody_waits(s: Toy) -> bool:
    """Somebody waits."""
    return s.where == Where.WAITS


def taken(design, names):
    reference = Reference(design, Scope())
    states, moves = [reference.start], [next(m for m in reference.moves if m.step == name) for name in names]
    for move in moves:
        states.append(reference.successor(states[-1], move))
    return reference, states, moves


def told(design, names, start=None, *, stutter=False, p=served):
    reference, states, moves = taken(design, names)
    return Shown(reference, p, states, moves, start, stutter).why_not()


HAPPENS = "what was promised happens in it"


def test_a_told_loop():
    """Of a run that breaks `served` for ever, and of those that do not."""
    assert told(Lazy, ["ask", "turn", "turn"], 1) == ""
    assert told(Lazy, ["ask", "serve", "ask", "turn", "turn"], 3) == ""
    assert told(Toy, ["ask", "turn", "turn"], 1) == "serve would have to happen in the end"
    assert told(Lazy, ["ask", "turn", "serve", "ask", "turn"], 1) == HAPPENS
    assert told(Lazy, ["ask", "serve", "turn", "turn"], 2) == HAPPENS
    assert told(Once, ["ask", "serve", "ask"], 1) == "serve happens only finitely often"
    assert told(Lazy, ["ask", "turn"], 1).startswith("the last step does not lead back")
    assert told(Lazy, ["ask"]) == "it neither loops nor stays"
    assert told(Lazy, ["ask"], stutter=True) == "" != told(Toy, ["ask"], stutter=True)
    assert told(Lazy, ["turn"], stutter=True) == told(Lazy, ["ask", "serve"], stutter=True) == HAPPENS


@pytest.mark.parametrize(
    ("design", "names", "start", "why"),
    [
        (Toy, ["ask", "turn", "turn"], 1, "serve would have to happen in the end"),
        (Lazy, ["ask", "turn", "serve", "ask", "turn"], 1, "q happens"),
        (Lazy, ["ask", "turn"], 1, "does not lead back"),
    ],
)
def test_a_lasso_that_is_none_is_no_verdict(design, names, start, why):
    """As an engine would tell it that is wrong about fairness, about q, or about the loop."""
    for of, expected in ((design, why), (Lazy, "")):
        reference, states, moves = taken(of, names if expected else ["ask", "turn", "turn"])
        check = Recheck(cell(), None, explored(), reference)
        if expected:
            with pytest.raises(EnginesDisagree, match=f"the engine says VIOLATED, but CPython.*{expected}"):
                check.run(served, {}, (states, moves, start, False))
        else:
            check.run(served, {}, (states, moves, 1, False))


def test_a_told_end():
    assert told(Toy, ["ask"], p=nobody_waits) == told(Toy, ["ask"], p=somebody_waits) == ""
    for p in (nobody_waits, somebody_waits):
        assert told(Toy, ["ask", "serve"], p=p) == "the last state does not show it"


def test_a_search_is_not_shared_where_it_begins_elsewhere(monkeypatch):
    """Toy and Begun are one program, down to the digest, as designs of the project's own are: no lines are noted."""
    monkeypatch.setattr("checker.engine.prepare.passages", lambda *_: [])
    shared, found = Shared(), []
    for design in (Toy, Begun, Toy):
        prepared = Prepared(design, Scope(), [nobody_waits])
        found.append((prepared.linked().meaning.digest, shared.run(prepared, Reference(design, Scope()), Limits())))
    (digest, toy), (same, begun), (_, again) = found
    assert digest == same and toy is again is not begun
    assert toy.codes(0) == Reference(Toy, Scope()).start != begun.codes(0) == Reference(Begun, Scope()).start


# --- what the user gets ---

SMALL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=2,vectors=1,ioapic=0x11")


def forgetful(first, _):
    """Nothing is ever false: every `always` would hold."""
    first[0, :] = NONE
    return first


@pytest.mark.parametrize("as_json", [False, True])
def test_no_pass_but_both_answers(monkeypatch, unkept, capsys, as_json):
    changed(monkeypatch, Exploration, "first_states", forgetful)
    code = main(["prove", "--absolute", "v1", *SMALL, *["--json"] * as_json])
    captured = capsys.readouterr()
    assert code == 4 and "HOLDS" not in captured.out and "Traceback" not in captured.err
    assert (
        "not a verdict" in captured.err and "the engine says" in captured.err and "CPython says False" in captured.err
    )
    if as_json:
        answer = json.loads(captured.out)
        assert answer["format"] == "eoiproof error 1" and answer["exit"] == 4
        assert set(answer["answers"]) == {"the engine", "CPython"} and answer["answers"]["CPython"] == "False"
    else:
        assert captured.out == ""


# --- what was found to agree is kept ---


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    monkeypatch.delenv("EOI_ANEW", raising=False)
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("checker.engine.prepare._kept", type(prepare_module._kept)())
    return tmp_path


@pytest.mark.everything
def test_what_agreed_is_looked_at_once(monkeypatch, fresh):
    looked, check = [], recheck._Sample.check
    monkeypatch.setattr(recheck._Sample, "check", lambda self, n: looked.append(n) or check(self, n))
    judged(5)
    judged(5)
    assert looked == [5]
    (record,) = (fresh / "cache").glob("*.checked")
    content = record.read_bytes()
    for damaged in (b"", content[:-1], content[:50] + b"?" + content[51:]):
        record.write_bytes(damaged)
        judged(5)
        assert looked.pop() == 5
    judged(6)
    assert looked.pop() == 6
    other = record.with_name("0" * 64 + ".checked")
    other.write_bytes(record.read_bytes())
    assert kept.read(record) is not None is kept.read(other) is None


@pytest.mark.everything
def test_a_record_vouches_for_the_very_answers(monkeypatch, fresh):
    """What the engine said then is in the record's name: another answer is looked at."""
    judged(ALL)

    changed(monkeypatch, Exploration, "first_states", forgetful)
    with pytest.raises(EnginesDisagree):
        judged(ALL)


def test_what_a_record_depends_on_names_it(monkeypatch, fresh):
    asked = [p for p in known() if p.why_not(cell().system) is None]

    def name(of=None, asked=asked, more=("answers",)):
        of = of or cell()
        return recheck.record_of(of, kept.path_of(of.system, of.scope, asked), more)

    other = one_cell("base", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=2,vectors=1")
    names = [
        name(), name(asked=asked[1:]), name(asked=asked[::-1]), name(more=("others",)), name(other),
        name(replace(cell(), scope=replace(cell().scope, x2apic=not cell().scope.x2apic))),
        name(replace(cell(), scope=replace(cell().scope, cpus=2))),
    ]  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(recheck, "SEED", 1)
        names.append(name())
    with monkeypatch.context() as patched:
        patched.setattr(kept, "digest_of", lambda modules: "edited")
        names.append(name())
    assert len(set(names)) == len(names) and None not in names and name() == names[0]
    monkeypatch.setenv("EOI_ANEW", "1")
    assert name() is None
    monkeypatch.delenv("EOI_ANEW")
    stranger = replace(asked[0], function=lambda s: True)
    assert name(asked=[stranger]) is None


def test_an_edit_of_the_users_file_is_looked_at(fresh):
    def asked(text):
        (fresh / "mine.py").write_text(text)
        design = load_design(str(fresh / "mine.py"))
        of = of_users(design)
        return kept.path_of(of.system, of.scope, [])

    assert asked(GOOD) == asked(GOOD) != asked(GOOD.replace("if apic", "if not apic"))


# --- z3 ---


def of_users(design):
    found = matrix(
        ("mine.py", design), kernels=[], vmms=["qemu"], guests=["windows_cg"], devices=["level"],
        scope={"cpus": 1, "pins": 1, "vectors": 1},
    )  # fmt: skip
    return next(c for c in found if isinstance(c, Cell))


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    return tmp_path / "mine.py"


def beside_z3(mine):
    of = of_users(load_design(str(mine)))
    asked = [p for p in known() if p.why_not(of.system) is None]
    result = check_cell(of, asked, engine="native")
    assert any(result.lines_run.values())
    count = []
    compared = relation.compare_with_z3
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(relation, "compare_with_z3", lambda *given: count.append(compared(*given)) or count[-1])
        campaign.beside_z3([result])
    return sum(count)


def test_the_users_steps_are_compared_with_z3(mine, unkept):
    assert beside_z3(mine) >= 24


def test_the_relation_of_another_program_is_noticed(mine, unkept, monkeypatch):
    base = one_cell("base", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=1,vectors=1")
    monkeypatch.setattr(Prepared, "lowered", lambda self: lower(base.system, base.scope, []))
    with pytest.raises(EnginesDisagree, match=r"the engine says it leads to .*, but z3 says it leads to"):
        beside_z3(mine)


def test_no_step_compared_is_no_comparison(mine, unkept, monkeypatch):
    monkeypatch.setattr(relation, "_chosen", lambda *_: [])
    with pytest.raises(EnginesDisagree, match="steps to compare"):
        beside_z3(mine)


def test_z3_is_asked_of_the_users_lines_only(mine, monkeypatch):
    asked = list[Cell]()
    monkeypatch.setattr(relation, "compare_with_z3", lambda cell, *_: asked.append(cell) or 0)
    main(["prove", "--absolute", "v1", *SMALL])
    assert not asked
    main(
        [
            "prove",
            "--absolute",
            str(mine),
            "--vmm",
            "qemu",
            "--guest",
            "linux",
            "--guest",
            "windows_cg",
            "--scope",
            "cpus=1,pins=1",
        ]
    )
    assert [c.names["guest"] for c in asked] in (["linux"], ["windows_cg"], ["linux", "windows_cg"])


@pytest.mark.everything
def test_what_z3_agreed_with_is_kept(mine, fresh, monkeypatch):
    assert beside_z3(mine) > 0 == beside_z3(mine)
    mine.write_text(GOOD.replace("if apic", "if not apic"))
    assert beside_z3(mine) > 0


def test_a_look_at_nothing_is_not_on_record(tmp_path):
    """Else the next command would take it for one that agreed."""
    record = tmp_path / "a.checked"
    recheck.once(record, lambda: 0)
    assert not record.exists()
    recheck.once(record, lambda: 3)
    recheck.once(record, lambda: pytest.fail("it is on record"))
