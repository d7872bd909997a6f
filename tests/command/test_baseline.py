"""`eoi gate --baseline`: a project's own designs answer what they answered before, or the gate says what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.questions import campaign
from checker.questions.expected import Row, from_toml, to_toml
from tests.lift.test_forms import V1_DIFF
from tests.rigs.ctrl_c import ctrl_c

# Four cells; Windows loses its EOI with 0x11.
MINE = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    default_roles = {"vmm": ("qemu",), "guest": ("linux", "windows_cg"), "property": ("no_eoi_lost", "no_storm")}
    scope_defaults = {"cpus": 1, "pins": 1, "vectors": 1}

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_send_eoi(apic, vector)
"""
ALWAYS = MINE.replace("if not apic.spiv_directed_eoi:\n            ", "")  # has the storm, and loses nothing
BEYOND = MINE + "        if vector != vector:\n            return\n"  # which nothing runs
FILE = "own.toml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    Path("fix.patch").write_text(V1_DIFF)
    return tmp_path


@pytest.fixture
def written(eoi, project):
    ran = eoi("gate", "--baseline", FILE, "mine.py", "--write-baseline")
    known = "1 verdict VIOLATED, which are known from now on (`eoi prove DESIGN`: which are new with it)"
    assert (ran.code, ran.err) == (
        0,
        "",
    ) and ran.out == f"4 cells of 1 design, 8 verdicts: written to {FILE}; {known}\n"
    return project / FILE


def test_what_was_written_is_what_is_found(eoi, written):
    table = from_toml(written.read_text(), FILE)
    assert {cell: dict(row.verdicts) for cell, row in table["mine.py"].items() if "windows" in cell} == {
        "qemu 0x11, windows_cg, level": {"no_eoi_lost": "FAIL 10", "no_storm": "ok"},
        "qemu 0x20, windows_cg, level": {"no_eoi_lost": "ok", "no_storm": "ok"},
    }
    for names in ((), ("mine.py",), ("./mine.py",), (str(written.parent / "mine.py"),)):
        ran = eoi("gate", "--baseline", FILE, *names)
        assert ran.code == 0 and ran.out.startswith(f"4 cells of 1 design, 8 verdicts: all as in {FILE} (")
    assert str(written.parent) not in written.read_text()


def test_a_change_is_told_verdict_by_verdict_and_accepted(eoi, written):
    Path("mine.py").write_text(ALWAYS)
    ran = eoi("gate", "--baseline", FILE)
    lines = ran.out.splitlines()
    assert (
        ran.code == 1
        and "changed  mine.py: qemu 0x11, windows_cg, level: no_eoi_lost: expected FAIL 10, found ok" in lines
    )
    assert any("qemu 0x20, windows_cg, level: no_storm: expected ok, found FAIL" in line for line in lines)
    assert (
        lines[-1]
        == f"`eoi gate --baseline {FILE} --write-baseline mine.py` accepts it; `eoi prove DESIGN` tells the stories"
    )
    assert eoi("gate", "--baseline", FILE, "--write-baseline").code == 0
    assert eoi("gate", "--baseline", FILE).code == 0


def test_one_that_is_not_in_it_is_no_pass(eoi, written):
    ran = eoi("gate", "--baseline", FILE, "mine.py", "mutant_b1")
    assert ran.code == 1 and "new      mutant_b1: " in ran.out


def test_writing_one_keeps_the_others(eoi, written):
    assert eoi("gate", "--baseline", FILE, "mutant_b1", "--write-baseline").code == 0
    assert list(from_toml(written.read_text(), FILE)) == ["mine.py", "mutant_b1"]
    Path("mine.py").write_text(ALWAYS)
    assert eoi("gate", "--baseline", FILE, "mutant_b1").code == 0
    assert eoi("gate", "--baseline", FILE).code == 1


def test_a_line_that_nothing_runs_is_open(eoi, written):
    Path("mine.py").write_text(BEYOND)
    ran = eoi("gate", "--baseline", FILE)
    assert ran.code == 3 and "INCONCLUSIVE: no step runs mine.py:13 in kvm_ioapic_send_eoi()" in ran.out
    assert eoi("gate", "--baseline", "other.toml", "mine.py", "--write-baseline").code == 3


def test_ctrl_c_is_open_and_writes_nothing(eoi, written, monkeypatch, hears_ctrl_c):
    def refused(*rest, **options):
        ctrl_c()
        assert options["stop"].wait(60)
        raise MemoryError

    before = written.read_text()
    monkeypatch.setattr(campaign, "check_cell", refused)
    ran = eoi("gate", "--baseline", FILE)
    assert ran.code == 3 and "INCONCLUSIVE: interrupted" in ran.out and "missing" not in ran.out
    ran = eoi("gate", "--baseline", FILE, "--write-baseline")
    assert ran.code == 3 and "not written, because" in ran.err and written.read_text() == before


def test_a_cell_that_was_cut_short_is_open_and_no_difference(eoi, written, after_one_cell):
    ran = eoi("gate", "--baseline", FILE)
    assert (
        ran.code == 3
        and "INCONCLUSIVE: interrupted" in ran.out
        and "INCONCLUSIVE: not judged: mine.py: qemu" in ran.out
    )
    assert "changed" not in ran.out and "missing" not in ran.out and f"all as in {FILE}" in ran.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("no_eoi_lost FAIL 10", "no_eoi_lost FALL 10", "own.toml:11: 'no_eoi_lost FALL 10' is no verdict: write the file with `eoi gate --baseline own.toml --write-baseline`"),
        ("cells = 4", "cells = 5", "the file ends after 4 cells, but `cells = 5`: lines are missing"),
        ("cells = 4", "", "`format = 1` and `cells = N` are missing"),
        ('["mine.py"]', "<<<<<<< HEAD", "line 9 is a merge conflict of git's"),
        ('["mine.py"]', "[mine.py", "line 9 is not what `eoi gate --baseline own.toml --write-baseline` writes"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_no_pass(eoi, written, old, new, said):
    text = written.read_text()
    assert text.count(old) == 1
    written.write_text(text.replace(old, new))
    for more in ((), ("--write-baseline",)):
        ran = eoi("gate", "--baseline", FILE, "mine.py", *more)
        assert ran.code == 2 and said in ran.err and ran.out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--baseline", "no.toml"],
            "no.toml: there is no such file: `eoi gate --baseline no.toml --write-baseline DESIGN` makes one",
        ),
        (["--baseline", "no.toml", "--write-baseline"], "give the designs that it is about"),
        (["--baseline", "no/no.toml", "mine.py", "--write-baseline"], "there is no directory"),
        (["--baseline", FILE, "mien.py"], "did you mean 'mine.py'?"),
        (["--baseline", FILE, "-"], "a baseline is about files that are there the next time"),
        (
            ["--baseline", FILE, "mine.py", "--write", "x"],
            "--write does not go with --baseline: --write-baseline writes FILE",
        ),
        (["--baseline", FILE, "--design", "v1"], "--design does not go with --baseline: name the designs without it"),
        (["--baseline", FILE, "--mutants"], "--mutants does not go with --baseline"),
        (["mine.py"], "mine.py goes with --baseline FILE"),
        (["--write-baseline"], "--write-baseline goes with --baseline FILE"),
        (
            ["--baseline", FILE, "mine.py", "--write-baseline", "--format", "junit"],
            "--format junit has no place for it",
        ),
        (["--design", "mine.py"], "or eoi gate --baseline FILE mine.py"),
    ],
)
def test_what_does_not_go_together(eoi, written, words, said):
    before = written.read_text()
    ran = eoi("gate", *words)
    assert ran.code == 2 and said in ran.err and ran.out == "" and written.read_text() == before


def test_a_design_that_is_gone_is_named(eoi, written):
    Path("mine.py").unlink()
    ran = eoi("gate", "--baseline", FILE)
    assert ran.code == 2 and f"{FILE} is about mine.py, and there is no such file in {Path.cwd()}" in ran.err


def test_forms_of_it_have_the_stories(eoi, written):
    Path("mine.py").write_text(ALWAYS)
    ran = eoi("gate", "--baseline", FILE, "--format", "sarif")
    results = json.loads(ran.out)["runs"][0]["results"]
    story = next(r for r in results if r["ruleId"] == "no_storm" and "0x20" in r["properties"]["cell"])
    assert ran.code == 1 and story["properties"]["standing"] == "UNEXPECTED" and story["codeFlows"]
    ran = eoi("gate", "--baseline", FILE, "--format", "junit")
    assert (
        'type="UNEXPECTED" message="UNEXPECTED: expected ok, found FAIL' in ran.out
        and "Replay: eoi1 no_storm" in ran.out
    )


@pytest.mark.parametrize(
    "name", ["a b.py", 'q"uote.py', "back\\slash.py", "ä.py", "tab\there.py", "x.y.z.py", "del\x7f.py", "]=[.py"]
)
def test_any_name_of_a_file_is_read_back(name):
    table = {name: {f"{name} 0x11, a": Row(1, 2, {"p": "FAIL 1+2"})}, "plain": {"b": Row(3, 4, {"q": "(ok)"})}}
    text = to_toml(table, "about", what="ours", write="w", compare=" x")
    assert from_toml(text, "f") == table
    with pytest.raises(Exception, match=rf"f:{text.splitlines().index('[plain]') + 2}: 'q \(OK\)' is no verdict"):
        from_toml(text.replace('(ok)"', '(OK)"'), "f")
