"""`eoi gate`: what counts as a difference, and that no broken expectation passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.engine.shared import Shared
from checker.errors import EnginesDisagree, InternalError, UserError
from checker.language.layout import instances
from checker.matrix.roles import DEVICES, GUESTS, ON_REQUEST, VMMS, all_properties, designs, keep_company
from checker.matrix.select import select, selection
from checker.questions import expected, gate, report
from checker.questions.expected import Row, difference_lines, differences, from_toml, to_toml
from checker.questions.verdict import check_cell
from model.lang import Fair

FAMILIES = {"vmm": VMMS, "guest": GUESTS, "device": DEVICES}

DESIGN = ("--design", "mutant_b1", "--jobs", "1")  # one system: the storm


def run_matrix(parts, workers=None):
    """All of them are judged."""
    judged = gate.run_so_far(parts, workers)
    assert not judged.left
    return judged.table


@pytest.fixture
def written(eoi, tmp_path):
    """A file that expects what is."""
    path = tmp_path / "expected.toml"
    assert eoi("gate", *DESIGN, "--write", str(path)).code == 0
    return path


def check(eoi, path, *arguments):
    return eoi("gate", *DESIGN, "--expected", str(path), *arguments)


def edited(path, old, new):
    text = path.read_text()
    assert re.search(old, text), old
    path.write_text(re.sub(old, new, text, count=1))
    return path


def test_what_was_written_is_what_is_found(eoi, written):
    ran = check(eoi, written)
    assert ran.code == 0 and "all as in" in ran.out


def test_the_file_says_what_the_bug_is(written):
    lines = [line for line in written.read_text().splitlines() if line.startswith('"')]
    assert len(lines) == 2  # an I/O APIC of either version
    for line, version in zip(lines, ("0x11", "0x20"), strict=True):
        assert re.match(rf'"qemu {version} BIT2, windows_cg, level" = "\d+ states, depth \d+; ', line)
        assert re.search(r"; no_storm FAIL \d+\+\d+", line)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            r"no_storm FAIL (\d+)\+",
            r"no_storm FAIL 99+",
            r"changed  mutant_b1: .*: no_storm: expected FAIL 99\+\d+, found FAIL",
        ),
        (
            r"no_storm FAIL \d+\+(\d+)",
            r"no_storm FAIL \g<1>",
            r"changed .*no_storm: expected FAIL \d+, found FAIL \d+\+\d+",
        ),
        (r"no_storm FAIL [\d+]+", "no_storm ok", r"changed .*no_storm: expected ok, found FAIL"),
        (r"no_storm FAIL [\d+]+; ", "", r"new .*no_storm: FAIL"),
        (
            r"no_storm FAIL [\d+]+",
            r"\g<0>; no_such_property ok",
            r"missing .*no_such_property: expected ok, but there is no such verdict",
        ),
        (r"(\d+) states", "1 states", r"changed .*: states: expected 1, found"),
        (r"depth \d+", "depth 1", r"changed .*: depth: expected 1, found"),
        (r'"(qemu [^"]*)" =', r'"gone, \1" =', r"missing .*gone, .* but there is no such cell"),
        (r'"(qemu [^"]*)" =', r'"gone, \1" =', r"new      mutant_b1: qemu"),
    ],
)
def test_every_difference_is_exit_code_1_and_named(eoi, written, old, new, said):
    ran = check(eoi, edited(written, old, new))
    assert ran.code == 1
    assert re.search(said, ran.out), ran.out


def test_json_lists_the_differences(eoi, written):
    told = json.loads(check(eoi, edited(written, "no_storm FAIL [0-9+]+", "no_storm ok"), "--json").out)
    (difference,) = told["differences"]
    assert (difference["kind"], difference["what"], difference["expected"]) == ("changed", "no_storm", "ok")
    assert told["cells"] > 0 and told["verdicts"] > 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "", ":1:"),
        (lambda text: "format = 1\ncells = 0\n", "holds no cells"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "lines are missing"),  # a line is lost
        (lambda text: text[: len(text) - 40], r"line \d+"),  # cut within a line
        (lambda text: text.replace("no_reinjection ", "no_reinjection is "), r":\d+: .*no verdict"),
        (lambda text: text.replace(" states, depth", " states depth"), r":\d+: .*no verdict"),
        (lambda text: text.replace("format = 1", "format = 7"), ":1:"),
        (lambda text: "<<<<<<< ours\n" + text, r"line 1"),
    ],
)
def test_a_damaged_file_is_exit_code_2_with_the_line(eoi, written, damage, said):
    before = written.read_text()
    written.write_text(damage(before))
    assert written.read_text() != before
    ran = check(eoi, written)
    assert ran.code == 2
    assert re.search(said, ran.err) and str(written) in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>\n", "line 1 is not what `eoi gate --write` writes: <html>"),
        ("format = 1\ncells = 1\n\n[v1]\n" + "x" * 90, f"line 5 is not what `eoi gate --write` writes: {'x' * 60}..."),
        ("format = 1\ncells = 1\n[v1]\n[v1]\n", "line 4 says something a second time: [v1]"),
        ('format = 1\n[v1]\n"a" = "b"\n"a" = "b"\n', 'line 4 says something a second time: "a" = "b"'),
        (
            "format = 1\n=======\n",
            "line 2 is a merge conflict of git's: resolve it, or write the file anew with `eoi gate --write`",
        ),
        ('format = "1', 'line 1 is not what `eoi gate --write` writes: format = "1'),
    ],
)
def test_what_is_no_toml_is_said_in_one_plain_sentence(text, said):
    with pytest.raises(UserError) as refused:
        from_toml(text, "my.toml")
    assert str(refused.value) == f"my.toml: {said}"


@pytest.fixture
def many():
    """(expected, found): two cells in which verdicts differ, five in which only counts do; all in the counts."""

    def table(*answers):
        cells = {
            f"qemu 0x20, g{n}, level": Row(states, states // 2, {"p": answer})
            for n, (states, answer) in enumerate(answers)
        }
        return {"v1": dict(list(cells.items())[:5]), "v2": dict(list(cells.items())[5:])}

    before = table(*[(100, "ok")] * 8)
    return before, table((40, "FAIL 3"), *[(60, "ok")] * 5, (70, "no"), (100, "ok"))


def test_differences_of_verdicts_come_first_and_those_of_counts_are_grouped(many):
    listed = differences(*many)
    assert len(listed) == 2 + 2 * 7
    assert difference_lines(listed, False) == [
        "changed  v1: qemu 0x20, g0, level: p: expected ok, found FAIL 3",
        "changed  v2: qemu 0x20, g6, level: p: expected ok, found no",
        "changed  v1: other counts of states or depth, and the same verdicts, in 4 cells",
        "changed  v2: other counts of states or depth, and the same verdicts, in 1 cell",
        "(--all tells the counts of states and depth of every cell)",
    ]


def test_all_tells_every_difference_those_of_verdicts_first(many):
    listed = differences(*many)
    lines = difference_lines(listed, True)
    assert (
        sorted(lines) == sorted(map(str, listed)) and [": p: " in line for line in lines] == [True] * 2 + [False] * 14
    )


def test_few_differences_of_counts_are_told_one_by_one(many):
    few = [d for d in differences(*many) if d.what in ("states", "p")][:7]
    assert len(few) == 7 and sorted(difference_lines(few, False)) == sorted(map(str, few))


def test_the_command_groups_them_and_json_and_all_do_not(eoi, written, monkeypatch):
    monkeypatch.setattr(expected, "FEW", 1)
    text, cells = re.subn(r"\d+ states, depth \d+", "1 states, depth 1", written.read_text())
    assert cells == 2
    written.write_text(text)
    ran = check(eoi, written)
    assert (
        ran.code == 1
        and "changed  mutant_b1: other counts of states or depth, and the same verdicts, in 2 cells" in ran.out
    )
    assert "expected 1, found" not in ran.out and "4 differences from" in ran.out
    assert check(eoi, written, "--all").out.count("expected 1, found") == 4
    assert len(json.loads(check(eoi, written, "--json").out)["differences"]) == 4


def test_the_line_of_a_damaged_verdict(eoi, written):
    lines = written.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "no_storm" in line)
    ran = check(eoi, edited(written, "no_storm FAIL", "no_storm FALL"))
    assert ran.code == 2 and f"{written}:{number}:" in ran.err


def test_no_file_is_exit_code_2(eoi, tmp_path):
    ran = check(eoi, tmp_path / "none.toml")
    assert ran.code == 2 and "eoi gate --write" in ran.err


def test_a_design_that_changes_its_mind_is_noticed(eoi, tmp_path, monkeypatch):
    only = [p for p in gate.full_matrix(["v1"]) if (p.vmm, p.guest, p.device) == ("qemu", "windows_cg", "level")]
    before = run_matrix(only, 1)
    monkeypatch.setattr(gate, "designs", lambda: {**designs(), "v1": designs()["base"]})
    listed = [str(d) for d in differences(before, run_matrix(only, 1))]
    assert any("qemu 0x11, windows_cg, level: no_eoi_lost: expected FAIL 10, found ok" in d for d in listed)
    assert any("qemu 0x20, windows_cg, level: no_storm: expected ok, found FAIL" in d for d in listed)


def test_what_is_expected_of_other_designs_is_not_overwritten(eoi, written, tmp_path, monkeypatch):
    """Refused before anything is judged; the advised command writes all, and another file may be written."""
    held = to_toml({**from_toml(written.read_text(), "f"), "v1": {"a": Row(1, 1, {"p": "ok"})}}, "two")
    written.write_text(held)
    monkeypatch.setattr(gate, "run_so_far", lambda *_: pytest.fail("judged"))
    ran = eoi("gate", *DESIGN, "--write", str(written))
    assert (ran.code, ran.out, written.read_text()) == (2, "", held)
    assert f"--write {written}: would be left with mutant_b1 only" in ran.err
    assert f"`eoi gate --write {written}` writes all" in ran.err
    monkeypatch.setattr(
        gate, "run_so_far", lambda parts, *_, **__: gate.GateAnswer({"v1": {"a": Row(1, 1, {"p": "no"})}}, [])
    )
    assert eoi("gate", "--write", str(written)).code == 0 and "mutant_b1" not in written.read_text()
    assert eoi("gate", *DESIGN, "--write", str(tmp_path / "other.toml")).code == 0


def test_of_a_design_that_the_file_does_not_hold_the_new_cells_are_counted(eoi, written):
    written.write_text(written.read_text().replace("[mutant_b1]", "[mutant_b2]"))
    ran = check(eoi, written)
    *lines, last = ran.out.splitlines()
    assert ran.code == 1 and [line.split()[0] for line in lines] == ["new", "new"]
    assert re.fullmatch(rf"2 cells of 1 design, \d+ verdicts: 2 new cells, not in {written} \(.*\)", last)
    edited(written, r"\[mutant_b2\]", '[mutant_b1]\n"gone" = "1 states, depth 1; no_storm ok"\n[mutant_b2]')
    edited(written, "cells = 2", "cells = 3")
    assert "3 differences from" in check(eoi, written).out


def test_many_new_cells_of_a_design_are_one_line_and_what_is_missing_stays_told():
    rows = {f"qemu {n}": Row(n, 1, {"no_storm": "FAIL 3+4" if n == 2 else "ok"}) for n in range(7)}
    listed = differences(
        {"v1": {"gone": Row(1, 1, {"no_storm": "ok"})}}, {"mine": rows, "v1": {"a": Row(1, 1, {"no_storm": "ok"})}}
    )
    assert difference_lines(listed, False) == [
        "new      v1: a: 1 states, depth 1; no_storm ok",
        "missing  v1: gone: expected 1 states, depth 1; no_storm ok, but there is no such cell",
        "new      mine: 7 cells, 1 of them with a violation, from qemu 0 to qemu 6",
        "(--all tells the verdicts of each; `eoi gate --write FILE` accepts what was found)",
    ]
    assert len(difference_lines(listed, True)) == 9


def test_an_open_cell_is_neither_written_nor_a_pass(eoi, written, tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "MAX_STATES", 10)
    ran = eoi("gate", *DESIGN, "--write", str(tmp_path / "open.toml"))
    assert ran.code == 3 and "INCONCLUSIVE" in ran.err and not (tmp_path / "open.toml").exists()
    assert check(eoi, written).code == 3


def test_processes_answer_what_one_process_answers():
    parts = [p for p in gate.full_matrix(["v1", "base"]) if (p.vmm, p.guest) == ("qemu", "windows_cg")]
    assert len(parts) > 2
    assert run_matrix(parts, 2) == run_matrix(parts, 1)


def test_an_empty_matrix_is_no_pass():
    with pytest.raises(UserError):
        run_matrix([])


def test_the_full_matrix_leaves_no_name_out():
    parts = gate.full_matrix()
    assert len(parts) == len(set(parts))
    assert {p.design for p in parts} == set(gate.gated()) and set(designs()) <= set(gate.gated())
    assert {p.vmm for p in parts} >= set(VMMS) and {p.guest for p in parts} >= set(GUESTS)
    assert {p.device for p in parts} >= set(DEVICES)
    main = {("base", v, g) for v in VMMS for g in GUESTS if not {v, g} & ON_REQUEST}
    alone = {(d, v, g) for d, v, g in main if not keep_company({"vmm": VMMS[v], "guest": GUESTS[g]})}
    met = {(p.design, p.vmm, p.guest) for p in parts}
    assert main - alone <= met and not alone & met and len(alone) < len(main) / 2
    meets = [cls.meets for cls in (*VMMS.values(), *GUESTS.values(), *DEVICES.values()) if cls.meets]
    assert len(meets) > 5 and all(set(names) <= set(FAMILIES[r]) for of in meets for r, names in of.items())
    assert all(part.cells() for part in parts if part.vmm == "qemu" and part.design == "v1")


def test_who_is_named_meets_whom_it_would_not_by_default(tmp_path):
    """A VMM of the user's counts as named: it is the design."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from model.vmms.openvmm import Openvmm\n\n\nclass Mine(Openvmm):\n"
        "    def has_interrupt_remapping(self) -> bool:\n        return not super().has_interrupt_remapping()\n"
    )
    alone = [cls.meets.get("vmm", ()) for cls in GUESTS.values()]
    assert "openvmm" not in GUESTS["xen_kdump"].meets["vmm"] and any("openvmm" in names for names in alone)
    by_default = {c.names["guest"] for c in select(selection(str(path)))[1]}
    assert "xen_kdump" not in by_default and "xen_moves" in by_default
    named = select(selection(str(path), {"guest": ["xen_kdump"]}))[1]
    assert {c.names["guest"] for c in named} == {"xen_kdump"}


@pytest.mark.parametrize("design", sorted(gate.gated()))
def test_all_that_prove_asks_by_default_is_in_it(design):
    _, cells, _, wanted = select(selection(design))
    asked = {(*c.names.values(), report.scope_text(c.scope)) for c in cells}
    held = {(*c.names.values(), report.scope_text(c.scope)) for p in gate.full_matrix([design]) for c in p.cells()}
    assert asked and wanted and asked <= held


def test_a_device_is_by_default_with_whom_it_meets_and_in_the_gate_with_the_main_ones_too():
    held = {(p.vmm, p.guest, p.device) for p in gate.full_matrix(["v6"])}
    by_default = {(c.names["vmm"], c.names["guest"], c.names["device"]) for c in select(selection("v6"))[1]}
    assert by_default <= held
    for device in gate.OTHER_DEVICES:
        assert {(vmm, guest, device) for vmm in gate.VMMS_MAIN for guest in gate.GUESTS_MAIN} <= held
    assert {
        ("crosvm", "linux", "mixed"),
        ("qemu", "windows_cg", "resample"),
        ("firecracker", "linux", "storming"),
    } <= by_default
    assert ("qemu", "windows_cg", "mixed") in held - by_default and ("qemu", "linux", "edge") in held - by_default
    assert ("cloud_hypervisor", "linux", "mixed") not in held and ("qemu", "windows_cg", "shared") not in held


def test_groups_hold_every_part_once_and_differ_in_the_design_only():
    parts = gate.full_matrix(["v1", "v3", "qemu_rfc_v1", "mutant_b5"])
    groups = gate.groups(parts)
    assert sorted((part for group in groups for part in group), key=str) == sorted(parts, key=str)
    assert any(len(group) > 1 for group in groups)
    for group in groups:
        assert len({(p.role, p.kernel if p.role != "kernel" else "", p.guest, p.device) for p in group}) == 1
        assert len({p.design for p in group}) == len(group)


def explored(monkeypatch):
    """The systems that are really searched from now on."""
    found = []
    run = NativeSearch.run

    def watched(self, limits, on_progress):
        found.append(self)
        return run(self, limits, on_progress)

    monkeypatch.setattr(NativeSearch, "run", watched)
    return found


def on_qemu(*names):
    return [p for p in gate.full_matrix(names) if (p.vmm, p.guest, p.device) == ("qemu", "windows_cg", "level")]


def test_designs_that_do_the_same_share_a_search_and_answer_as_alone(monkeypatch):
    searches = explored(monkeypatch)
    alone = {**run_matrix(on_qemu("v2"), 1), **run_matrix(on_qemu("v3"), 1)}
    single = len(searches)
    together = run_matrix(on_qemu("v2", "v3"), 1)
    assert single > 0 and len(searches) - single == single // 2  # v2 and v3 differ in names only
    assert together == alone


def test_designs_that_differ_share_nothing(monkeypatch):
    searches = explored(monkeypatch)
    table = run_matrix(on_qemu("base", "v1"), 1)
    assert len(searches) == sum(map(len, table.values())) == 4
    assert table["base"] != table["v1"]


def test_a_search_is_not_shared_where_choices_limits_or_fairness_differ(monkeypatch):
    searches, shared, known = explored(monkeypatch), Shared(), all_properties()
    (part,) = on_qemu("v1")
    cell = part.cells()[0]

    def check(cell, states=100_000):
        check_cell(cell, list(known.values()), limits=Limits(states), shared=shared)
        return len(searches)

    assert (check(cell), check(cell)) == (1, 1)
    assert check(replace(cell, scope=replace(cell.scope, x2apic=False))) == 2
    assert check(cell, 200_000) == 3
    for module in ("search", "shared"):
        name = f"checker.engine.{module}.fairness_of"
        monkeypatch.setattr(name, lambda program, _: [Fair.FREE] * len(instances(program)))
    with pytest.raises(EnginesDisagree, match="would have to happen in the end"):
        check(cell)
    assert len(searches) == 4


def test_a_run_that_a_design_s_own_python_does_not_make_is_no_verdict(monkeypatch):
    """Sharing a search does not share trust: the second design's runs are confirmed in its own Python."""
    successor, confirmed = Reference.successor, []

    def lying(self, state, move):
        confirmed.append(self.design.__name__)
        return None if self.design.__name__.startswith("V3") else successor(self, state, move)

    monkeypatch.setattr(Reference, "successor", lying)
    with pytest.raises(InternalError, match="v3: step 1 of the engine's run is not a step"):
        run_matrix(on_qemu("v2", "v3"), 1)
    assert any(name.startswith("V2") for name in confirmed)


def test_the_file_reads_back_as_it_was_written():
    table = {
        "v1": {
            "qemu 0x11, any, level": Row(
                3, 1, {"p": "FAIL 8 stays", "q": "(ok)", "r": "yes 0", "s": "no", "t": "FAIL 0"}
            )
        }
    }
    assert from_toml(to_toml(table, "about"), "f") == table


def test_without_its_default_file_it_takes_its_own(eoi, tmp_path, monkeypatch):
    """One in the current directory comes first; which it was is said."""
    monkeypatch.chdir(tmp_path)
    ran = eoi("gate", *DESIGN)
    own = Path(__file__).resolve().parents[2] / "reports" / "expected.toml"
    assert ran.code == 0 and f": all as in {own} (" in ran.out
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "expected.toml").write_text(own.read_text())
    ran = eoi("gate", *DESIGN)
    assert ran.code == 0 and ": all as in reports/expected.toml (" in ran.out
