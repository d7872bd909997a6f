"""`Worth:` says what commands before have shown of the very same: certificates that were accepted, and what is inductive. Of anything
else it says nothing: another choice, size, property, verdict, file, or one that was edited since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions import on_record
from checker.questions.verdict import CellResult, Status, check_cell
from checker.questions.wide import WideResult, WideVerdict
from checker.questions.worth import NO_CERTIFICATE, NO_PROOF, certified_of, proved_of
from model.lang import Property
from tests.agree.test_export import the_cell
from tests.rigs.user_file import GOOD

SMALL = "cpus=1,pins=1,vectors=1"
AROUND = ("--vmm", "qemu", "--guest", "linux", "--scope", f"{SMALL},ioapic=0x20")
ASKED = ("--property", "no_eoi_lost", "--property", "no_storm")


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of this test, and no others'."""
    monkeypatch.delenv("EOI_ANEW", raising=False)
    monkeypatch.setattr(on_record, "FOLDER", str(tmp_path / "shown"))
    return tmp_path / "shown"


def one(design: str = "base", scope: str = f"{SMALL},ioapic=0x20") -> Cell:
    return the_cell(design, "qemu", "linux", "level", scope)


def result(cell: Cell, *names: str) -> CellResult:
    return check_cell(cell, [all_properties()[name] for name in names or ("no_eoi_lost", "no_storm")])


def worth(eoi: Callable[..., Any], *words: str) -> str:
    out = " ".join(eoi("prove", *words, "--absolute", "--brief").out.split())
    return out[out.index("Worth: ") :].partition("measured: ")[0]


# ---- certificates ----


def test_a_certificate_counts_once_it_is_accepted(eoi: Callable[..., Any], tmp_path: Path) -> None:
    path = str(tmp_path / "base.cert")
    assert "; no certificate; " in worth(eoi, "base", *AROUND, *ASKED)
    made = eoi("prove", "base", *AROUND, *ASKED, "--brief", "--certificate", path)
    assert made.code == 0 and "its certificate is not checked yet" in " ".join(made.out.split())
    assert "; no certificate; " in worth(eoi, "base", *AROUND, *ASKED)
    assert eoi("certify", path, "--sample", "5").code == 3
    assert eoi("certify", path, "--by-case").code == 0  # it is not that one file which said so
    assert "; no certificate; " in worth(eoi, "base", *AROUND, *ASKED), "a sample shows nothing of the rest"
    assert eoi("certify", path).code == 0
    assert "; 2 of 2 verdicts certified by certificate/check.py (20" in worth(eoi, "base", *AROUND, *ASKED)
    assert "; 2 of 3 verdicts certified by" in worth(eoi, "base", *AROUND, *ASKED, "--property", "eoi_exit")


def test_to_check_one_needs_no_room(eoi: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "base.cert")
    assert eoi("prove", "base", *AROUND, *ASKED, "--brief", "--certificate", path).code == 0
    monkeypatch.setenv("EOI_CACHE", "/dev/null/none")
    assert eoi("certify", path).code == 0


def test_another_cell_is_not_certified_with_it(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """Other choices have the same program, and another answer."""
    path = str(tmp_path / "base.cert")
    assert eoi("prove", "base", *AROUND, *ASKED, "--brief", "--certificate", path).code == 0
    assert eoi("certify", path).code == 0
    both = worth(eoi, "base", *AROUND[:-1], SMALL, *ASKED)
    assert "every state of 2 cells" in both and "; 2 of 4 verdicts certified by" in both
    others = [one(scope=f"{SMALL},ioapic=0x11"), one(scope="cpus=1,pins=1,vectors=2,ioapic=0x20"), one("v1")]
    assert [certified_of([result(cell)]) for cell in others] == [NO_CERTIFICATE] * 3


def test_another_verdict_is_not_the_one_that_was_certified(tmp_path: Path) -> None:
    answered = result(one())
    on_record.written(answered.cell, answered.verdicts, b"a certificate")
    assert certified_of([answered]) == NO_CERTIFICATE
    on_record.accepted(b"a certificate")
    assert certified_of([answered]).startswith("2 of 2 verdicts certified by")
    others = [replace(v, status=Status.VIOLATED) for v in answered.verdicts]
    assert certified_of([replace(answered, verdicts=tuple(others))]) == NO_CERTIFICATE


def test_another_file_is_another_certificate(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """Also where what was added means nothing: what was accepted is not the file that was written."""
    path = tmp_path / "base.cert"
    assert eoi("prove", "base", *AROUND, *ASKED, "--brief", "--certificate", str(path)).code == 0
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")  # how long a comment of the archive is
    assert eoi("certify", str(path)).code == 0
    assert "; no certificate; " in worth(eoi, "base", *AROUND, *ASKED)


def test_a_file_that_was_edited_since_is_another_one(eoi: Callable[..., Any], tmp_path: Path) -> None:
    mine, path = tmp_path / "mine.py", str(tmp_path / "mine.cert")
    mine.write_text(GOOD)
    around = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", f"{SMALL},ioapic=0x20", "--property", "no_eoi_lost")
    assert eoi("prove", str(mine), *around, "--brief", "--certificate", path).code in (0, 3)
    assert eoi("certify", path).code == 0
    assert "; 1 of 1 verdict certified by" in worth(eoi, str(mine), *around)
    mine.write_text(f"{GOOD}\n# another text\n")
    assert "; no certificate; " in worth(eoi, str(mine), *around)


# ---- what is inductive ----


def test_what_was_proved_is_said_with_its_sizes_and_cells(eoi: Callable[..., Any]) -> None:
    words = ("--property", "no_reinjection", "--property", "no_storm")
    assert "; no proof for other sizes; " in worth(eoi, "base", *AROUND, *words)
    assert eoi("prove", "base", *AROUND, "--engine", "sat", *words).code == 3
    assert "; inductive: no_reinjection at 1x1x1 (20" in worth(eoi, "base", *AROUND, *words)
    both = worth(eoi, "base", *AROUND[:-1], SMALL, *words)
    assert "no_reinjection at 1x1x1 (20" in both and "in 1 of 2 cells)" in both


@pytest.mark.parametrize("words", [("prove", "base", "--sizes", "3x2x2", "--property"), ("why", "base")])
def test_so_it_is_by_other_commands(
    eoi: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    """At what they learnt at, and at what they were asked. What they find out is not what is asked here."""

    def holds(cell: Cell, asked: Sequence[Property], *_: object) -> WideResult:
        return WideResult(cell, [WideVerdict(p, Status.HOLDS) for p in asked], (), ((2, 2, 2), (3, 2, 2)))

    monkeypatch.setattr("checker.command.sizes.judge_wide", holds)
    monkeypatch.setattr("checker.command.why.learnt_alone", lambda *_: [])
    monkeypatch.setattr("checker.command.why.needed_by", lambda *_: {})
    assert eoi(*words, "no_eoi_lost", "--vmm", "qemu", "--guest", "linux", "--scope", "ioapic=0x20").code == 0
    at = "2x2x2 and 3x2x2" if "--sizes" in words else "3x3x3"
    assert f"inductive: no_eoi_lost at {at} (" in proved_of([result(one())])


def test_it_is_of_every_size_and_of_no_other_choice_or_property() -> None:
    """As it is meant for all sizes, it is said beside each; at which it was shown is told."""
    shown = all_properties()["no_eoi_lost"]
    on_record.proved(one(), [shown], ["3x3x3", "8x8x8"])
    assert "inductive: no_eoi_lost at 3x3x3 and 8x8x8 (" in proved_of([result(one())])
    assert "8x8x8" in proved_of([result(one(scope="cpus=1,pins=1,vectors=2,ioapic=0x20"))])
    assert proved_of([result(one(scope=f"{SMALL},ioapic=0x11"))]) == NO_PROOF
    assert proved_of([result(one(), "no_reinjection")]) == NO_PROOF


def test_of_what_is_violated_no_proof_is_told() -> None:
    answered = result(the_cell("v1", "qemu", "windows_cg", "level", f"{SMALL},ioapic=0x11"), "no_eoi_lost")
    on_record.proved(answered.cell, [all_properties()["no_eoi_lost"]], ["2x2x2"])
    assert proved_of([answered]) == NO_PROOF


def test_a_record_that_is_damaged_counts_as_absent(records: Path) -> None:
    on_record.proved(one(), [all_properties()["no_eoi_lost"]], ["2x2x2"])
    (path,) = records.iterdir()
    path.write_bytes(path.read_bytes().replace(b"2x2x2", b"9x9x9"))
    assert proved_of([result(one())]) == NO_PROOF


def test_anew_nothing_is_taken_or_kept(monkeypatch: pytest.MonkeyPatch, records: Path) -> None:
    monkeypatch.setenv("EOI_ANEW", "1")
    on_record.proved(one(), [all_properties()["no_eoi_lost"]], ["2x2x2"])
    on_record.accepted(b"a certificate")
    assert not records.exists()
