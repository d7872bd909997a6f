"""--reduce: the same answer from fewer states, which says so; where nothing can be reduced, the same answer, which says why."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checker.command.gate import tell
from checker.questions import gate
from checker.questions.expected import NOT_COUNTED, Row, differences
from tests.command.conftest import Ran

Eoi = Callable[..., Ran]
ASKED = ["v1", "--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11,cpus=1"]
TELLS = "kvm_check_and_inject_events(0) tells them apart in a state that is met"
LINES = ("Worth:", "  covered:", "  asked of", "  not reduced", "  reproduce:", "Kept:")


def verdicts(out: str) -> list[str]:
    """What is said of properties, and their story: without how it was found."""
    said = [line for line in out.splitlines() if not line.startswith(LINES)]
    return [line.replace("; reduced by pins", "").replace("reduced by pins", "").rstrip() for line in said][:60]


def test_the_same_verdicts_and_story_from_half_of_the_states(eoi: Eoi) -> None:
    whole, reduced = eoi("prove", "--absolute", *ASKED), eoi("prove", "--absolute", *ASKED, "--reduce")
    assert whole.code == reduced.code == 1
    assert verdicts(whole.out) == verdicts(reduced.out)
    assert "covered: 204 states, " in whole.out and "; exact storage, no reductions; " in whole.out
    assert "covered: 104 states that stand for 204, " in reduced.out
    assert "; exact storage, one state for all that differ in the order of pins; " in reduced.out
    assert "  HOLDS         no_reinjection          reduced by pins\n" in reduced.out
    assert "  asked of all states: no_storm, line_is_serviced\n" in reduced.out
    assert f"  not reduced by vectors: {TELLS}\n" in reduced.out
    assert "1 vCPU, 2 pins, 2 vectors, up to the order of pins;" in " ".join(reduced.out.split())
    assert "--absolute --reduce\n" in reduced.out and "1 cell, 104 states that stand for 204: " in reduced.out


def test_a_trace_is_the_shortest(eoi: Eoi) -> None:
    words = ["trace", *ASKED, "--property", "no_eoi_lost"]
    assert eoi(*words).out == eoi(*words, "--reduce").out


def test_the_first_screen_says_so(eoi: Eoi) -> None:
    whole, reduced = eoi("diff", "base", *ASKED), eoi("diff", "base", *ASKED, "--reduce")
    assert whole.code == reduced.code == 1
    first, other = whole.out.splitlines()[:24], reduced.out.splitlines()[:24]
    (worth,) = [line for line in other if line.startswith("Worth: all, reduced, 1x2x2; ")]
    assert len(worth) <= 80 and "now holds (reduced by pins)" in reduced.out
    same = [line.replace("  now holds (reduced by pins)", "  now holds") for line in other]
    assert [b for a, b in zip(first, same, strict=True) if a != b] == [worth]


def test_as_json(eoi: Eoi) -> None:
    found = json.loads(eoi("prove", *ASKED, "--reduce", "--json").out)
    (cell,) = found["cells"]
    assert cell["states"] == 104 and cell["reduced"] == {
        "by": ["pins"], "stands_for": 204, "of_all": ["no_storm", "line_is_serviced"],
        "why_not": {"vectors": TELLS}, "exact": True,
    }  # fmt: skip
    assert found["worth"]["reduced"] == {"pins": 1} and "no reductions" not in cell["storage"]
    whole = json.loads(eoi("prove", *ASKED, "--json").out)
    assert whole["cells"][0]["reduced"] is None and whole["worth"]["reduced"] == {}


def test_where_pins_are_told_apart_it_says_by_what(eoi: Eoi) -> None:
    words = [
        "prove",
        "base",
        "--absolute",
        "--vmm",
        "qemu",
        "--guest",
        "linux",
        "--device",
        "mixed",
        "--scope",
        "ioapic=0x20,cpus=1",
    ]
    ran = eoi(*words, "--reduce")
    said = "  not reduced by pins: setup_IO_APIC_irq(0, 0, 0) tells them apart in a state that is met\n"
    assert (
        said in ran.out
        and "; exact storage, no reductions; " in ran.out
        and "reduced by pins\n" not in ran.out.replace(said, "")
    )
    assert verdicts(ran.out) == verdicts(eoi(*words).out)


def test_a_gate_finds_what_it_finds_of_all_states() -> None:
    parts = [p for p in gate.full_matrix(["base"]) if (p.vmm, p.guest) == ("qemu", "linux")]
    reduced, whole = gate.run_so_far(parts, 1, reduce=True).table, gate.run_so_far(parts, 1).table
    assert differences(whole, reduced) == [] and len(reduced["base"]) > 4
    row = next(iter(reduced["base"].values()))
    wrong = {"base": {cell: replace(row, verdicts={**row.verdicts, "no_storm": "no"}) for cell in reduced["base"]}}
    assert len(differences(whole, wrong)) >= len(reduced["base"])


def test_a_gate_says_what_it_does_not_compare(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row(states=NOT_COUNTED, depth=NOT_COUNTED, verdicts={})
    for rows, said in (({"one": row, "other": row, "all": replace(row, states=7)}, "of 2 cells states"), ({}, "")):
        told = gate.GateAnswer({"base": rows}, [])
        tell(Namespace(all=False, expected="a file"), told, [], 0.0)
        assert ("not compared" in (out := capsys.readouterr().out)) is bool(said) and said in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prove", *ASKED, "--engine", "reference"], "--reduce is the native engine's: it does not go with --engine reference"),
        (["prove", *ASKED, "--engine", "both"], "--reduce is the native engine's: it does not go with --engine"),
        (["prove", "v1", "--sizes", "2x2x2"], "--sizes is asked alone: it has no place for --reduce"),
        (["prove", *ASKED, "--certificate", "c.zip"], "--certificate has all states: leave --reduce away"),
        (["gate", "--mutants"], "leave --mutants, --baseline and --write away"),
    ],
)  # fmt: skip
def test_what_it_does_not_go_with(eoi: Eoi, words: list[str], said: str) -> None:
    ran = eoi(*words, "--reduce")
    assert (ran.code, ran.out) == (2, "") and said in ran.err


NOTHING = """\
from model.designs.base import Base
from model.machine import Lapic, Pin, Vector


class Nothing(Base):
    special: Pin

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.raised[self.special]:
            super().kvm_ioapic_send_eoi(apic, vector)
        else:
            super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_counts_of_representatives_are_no_difference(eoi: Eoi, tmp_path: Path) -> None:
    """A field that names a pin makes other orbits of the same graph."""
    mine = tmp_path / "mine.py"
    mine.write_text(NOTHING)
    words = ["prove", str(mine), "--vmm", "qemu", "--guest", "linux", "--scope", "ioapic=0x20,cpus=1", "--brief"]
    for ran in (eoi(*words), eoi(*words, "--reduce")):
        assert ran.code == 3 and "INCONCLUSIVE" in ran.out.splitlines()[0], ran.out
        assert "0 exploring differently, 1 the same" in ran.out


OF_ONE_PIN = """\
from model.designs.base import Base
from model.lang import Fair, always, require, step
from model.machine import Pin


class OfOnePin(Base):
    seen: bool

    @step(by="KVM", fair=Fair.WEAK)
    def look(self, pin: Pin) -> None:
        require(self.raised[pin] and not self.seen)
        if pin == 0:
            self.seen = True
        else:
            self.seen = True


@always()
def fine(s: OfOnePin, pin: Pin) -> bool:
    '''x. Violated: of pin {pin}.'''
    return not (s.seen and s.ioapic[pin].irr and not s.raised[pin])
"""


def test_a_line_that_is_run_for_another_row_only_is_run(eoi: Eoi, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(OF_ONE_PIN)
    scope = "ioapic=0x20,pins=2,vectors=1,cpus=1"
    words = [
        "prove",
        "--absolute",
        str(mine),
        "--vmm",
        "qemu",
        "--guest",
        "linux",
        "--property",
        str(mine),
        "--scope",
        scope,
    ]
    whole, reduced = eoi(*words), eoi(*words, "--reduce")
    assert whole.code == reduced.code == 0, reduced.out
    assert "that stand for" in reduced.out and "no step runs it" not in reduced.out
