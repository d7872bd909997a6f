"""`eoi gate`: what counts as a difference, and that no broken expectation passes."""

from __future__ import annotations

import json
import re

import pytest

from checker import gate
from checker.errors import UserError
from checker.expected import Row, differences, from_toml, to_toml
from checker.registry import DEVICES, GUESTS, ON_REQUEST, VMMS, designs

DESIGN = ("--design", "mutant_b1", "--jobs", "1")  # one system: the storm


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
    before = gate.run_matrix(only, 1)
    monkeypatch.setattr(gate, "designs", lambda: {**designs(), "v1": designs()["base"]})
    listed = [str(d) for d in differences(before, gate.run_matrix(only, 1))]
    assert any("qemu 0x11, windows_cg, level: no_eoi_lost: expected FAIL 10, found ok" in d for d in listed)
    assert any("qemu 0x20, windows_cg, level: no_storm: expected ok, found FAIL" in d for d in listed)


def test_an_open_cell_is_neither_written_nor_a_pass(eoi, written, tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "MAX_STATES", 10)
    ran = eoi("gate", *DESIGN, "--write", str(tmp_path / "open.toml"))
    assert ran.code == 3 and "INCONCLUSIVE" in ran.err and not (tmp_path / "open.toml").exists()
    assert check(eoi, written).code == 3


def test_processes_answer_what_one_process_answers():
    parts = [p for p in gate.full_matrix(["v1", "base"]) if (p.vmm, p.guest) == ("qemu", "windows_cg")]
    assert len(parts) > 2
    assert gate.run_matrix(parts, 2) == gate.run_matrix(parts, 1)


def test_an_empty_matrix_is_no_pass():
    with pytest.raises(UserError):
        gate.run_matrix([])


def test_the_full_matrix_leaves_no_name_out():
    parts = gate.full_matrix()
    assert len(parts) == len(set(parts))
    assert {p.design for p in parts} == set(gate.gated()) and set(designs()) <= set(gate.gated())
    assert {p.vmm for p in parts} >= set(VMMS) and {p.guest for p in parts} >= set(GUESTS)
    assert {p.device for p in parts} >= set(DEVICES)
    assert {("base", v, g) for v in VMMS for g in GUESTS if not {v, g} & ON_REQUEST} <= {
        *((p.design, p.vmm, p.guest) for p in parts), *(("base", *pair) for pair in gate.LEFT_OUT),
    }  # fmt: skip
    assert all(part.cells() for part in parts if part.vmm == "qemu" and part.design == "v1")


def test_the_file_reads_back_as_it_was_written():
    table = {
        "v1": {
            "qemu 0x11, any, level": Row(
                3, 1, {"p": "FAIL 8 stays", "q": "(ok)", "r": "yes 0", "s": "no", "t": "FAIL 0"}
            )
        }
    }
    assert from_toml(to_toml(table, "about"), "f") == table
