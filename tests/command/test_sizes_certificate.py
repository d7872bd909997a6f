"""`eoi prove --sizes --certificate` and `eoi certify`: what is written, what is said of it, and the exit codes."""

from __future__ import annotations

import re
import shlex
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from checker.certificate import wide_check
from checker.progress import Progress
from tests.lift.test_forms import V1_DIFF
from tests.rigs.certified import CLAIMS, archive, members_of, said_in
from tests.rigs.user_file import GOOD

CELL = ["--vmm", "qemu", "--device", "level", "--scope", "ioapic=0x20", "--sizes", "1x1x1"]
LINUX = [*CELL, "--guest", "linux"]
WORD = "ACCEPTED IF ITS CIRCUIT IS THE MODEL: "


def test_the_line_of_progress_goes_on_and_names_what_is_done(eoi, tmp_path, monkeypatch):
    """From the command's begin on, not two seconds after the cells: one phase alone takes longer with many vCPUs."""
    told = list[tuple[str, float]]()
    monkeypatch.setattr(Progress, "show", lambda self: told.append((self.line(), self.started)))
    ran = eoi("prove", "base", *LINUX, "--property", "no_eoi_lost", "--certificate", str(tmp_path / "x.cert"))
    lines = [line.rpartition(": ")[2] for line, _ in told if " certificates" in line]
    assert ran.code == 0 and lines[:2] == ["making its certificate", "its circuit"]
    assert re.search("is possible.*0 of .* proofs made.*packing it.*writing", " ".join(lines))
    begun = [started for line, started in told if " cells" in line]
    assert all(started <= begun[0] for line, started in told)


def test_one_that_is_made_is_accepted_and_one_that_is_changed_is_not(eoi, tmp_path):
    path = tmp_path / "x.cert"
    ran = eoi("prove", "base", *LINUX, "--property", "no_eoi_lost", "--certificate", str(path))
    assert ran.code == 0 and "HOLDS no_eoi_lost: inductive at sizes 1x1x1" in ran.out
    assert f"to check: eoi certify {path}" in " ".join(ran.out.split())
    ran = eoi("certify", str(path), "--seed", "1", "--sample", "60")
    assert eoi("certify", str(path), "--by-case").code == 2
    first = ran.out.splitlines()[0]
    assert ran.code == 0 and first == f"{WORD}{path}"
    assert "HOLDS    no_eoi_lost (properties.eoi): inductive with" in ran.out
    assert "trusted: that the circuit says in all other states what" in ran.out
    members = members_of(path.read_bytes())
    said = said_in(members)
    said["clauses"].append("raised[pin]")
    path.write_bytes(archive({**members, CLAIMS: wide_check.json.dumps(said).encode()}))
    ran = eoi("certify", str(path))
    assert ran.code == 1 and ran.out.startswith(f"REJECTED: {path}: ")


def test_several_cells_are_a_folder_of_what_holds_and_what_is_violated(eoi, tmp_path):
    two = [*LINUX, "--guest", "windows_cg", "--property", "no_reinjection", "--brief"]
    ran = eoi("prove", "base", *two, "--certificate", str(tmp_path / "new"))
    assert ran.code == 1 and "2 certificates in" in ran.out
    ran = eoi("certify", str(tmp_path / "new"), "--sample", "60")
    told = [line.partition(": ")[0] for line in ran.out.splitlines() if line.startswith("ACCEPTED")]
    assert ran.code == 0 and sorted(told) == ["ACCEPTED", WORD.partition(": ")[0]]
    assert "  VIOLATED no_reinjection" in ran.out and "  HOLDS    no_reinjection" in ran.out


def test_what_has_no_verdict_has_no_certificate(eoi, tmp_path):
    ran = eoi(
        "prove", "base", *LINUX, "--property", "no_eoi_lost", "--timeout", "0.01", "--certificate", str(tmp_path / "x")
    )
    assert ran.code == 3 and "no certificate of" in ran.out and not (tmp_path / "x").exists()


def test_questions_and_proofs_are_written_for_other_checkers(eoi, tmp_path, capsys):
    path = tmp_path / "x.cert"
    assert eoi("prove", "base", *LINUX, "--property", "no_eoi_lost", "--certificate", str(path)).code == 0
    assert wide_check.tell(path, 60, 1, tmp_path) == 0
    questions = sorted(tmp_path.glob("*.cnf"))
    assert len(questions) == len([*tmp_path.glob("*.lrat")]) >= 9
    solvers: Any = pytest.importorskip("pysat.solvers")
    formula: Any = pytest.importorskip("pysat.formula")
    for question in questions:
        with solvers.Solver("minisat22", bootstrap_with=formula.CNF(from_file=str(question)).clauses) as solver:
            assert not solver.solve()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["base", *CELL, "--certificate", "x.cert"], "a certificate is of one cell, and these are"),
        (["base", *LINUX, "--certificate", "no/such/x.cert"], "no/such"),
        (["base", *LINUX, "--json", "--certificate", "x.cert"], "no place for --json"),
    ],
)
def test_bad_words_are_told_before_anything_is_judged(eoi, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = eoi("prove", *words)
    assert ran.code == 2 and said in ran.err and len(ran.err.splitlines()) <= 2
    assert not [*tmp_path.iterdir()]


def test_a_file_of_the_users_is_checked_as_it_is_and_not_as_it_was(eoi, tmp_path, monkeypatch):
    """Nothing of it is imported by its name where the certificate is made."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GOOD)
    before = [*sys.path]
    ran = eoi("prove", "mine.py", *LINUX, "--property", "no_eoi_lost", "--certificate", "x.cert")
    assert "1 certificate in x.cert" in ran.out and sys.path == before and "mine" not in sys.modules
    ran = eoi("certify", "x.cert", "--sample", "60")
    assert ran.code == 0 and "Mine (mine.py)" in ran.out
    Path("mine.py").write_text(f"{GOOD}\n# another one\n")
    ran = eoi("certify", "x.cert", "--sample", "60")
    assert ran.code == 1 and "it is of another model: of mine" in ran.out


def test_of_a_patch_the_two_commands_are_told_that_make_one(eoi, tmp_path, monkeypatch):
    """They are what is run: a patch whose name no class could be imported by, too."""
    monkeypatch.chdir(tmp_path)
    Path("random.diff").write_text(V1_DIFF)
    asked = [*LINUX, "--property", "no_eoi_lost"]
    ran = eoi("prove", "random.diff", *asked, "--certificate", "x.cert")
    first, *commands = ran.err.splitlines()
    assert ran.code == 2 and "random.diff is a patch" in first and len(commands) == 2
    lift, prove = map(shlex.split, commands)
    assert lift == ["eoi", "lift", "random.diff", "-o", "random_patch.py"]
    assert prove[:3] == ["eoi", "prove", "random_patch.py"] and [*tmp_path.iterdir()] == [tmp_path / "random.diff"]
    assert eoi(*lift[1:]).code == 0
    assert "1 certificate in x.cert" in eoi(*prove[1:]).out


def test_of_a_patch_in_several_cells_the_second_command_names_a_folder(eoi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("v1.diff").write_text(V1_DIFF)
    ran = eoi("prove", "v1.diff", "--vmm", "qemu", "--certificate", "x.cert")
    assert ran.code == 2 and ran.err.endswith("eoi prove v1.py --vmm qemu --certificate x\n")


def test_what_is_damaged_is_rejected(eoi, tmp_path):
    path = tmp_path / "x.cert"
    for members in ({}, {CLAIMS: b"["}, {CLAIMS: b'{"format": "eoi certificate of sizes 2"}'}):
        with zipfile.ZipFile(path, "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        ran = eoi("certify", str(path))
        assert ran.code == 1 and ran.out.startswith("REJECTED: ")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(CLAIMS, b"x" * 1000)
    content = path.read_bytes()
    path.write_bytes(content.replace(content[43:46], b"\xff\xff\xff", 1))
    ran = eoi("certify", str(path))
    assert ran.code == 1 and ran.out.startswith("REJECTED: ")
