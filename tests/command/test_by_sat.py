"""`eoi prove --engine sat`: it says what the native engine says, with runs of the same length, or that it does not know; and a circuit
that is wrong is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions import by_sat
from checker.questions.by_sat import judge_by_sat
from checker.questions.verdict import Status, check_cell
from checker.questions.wide import WideResult, WideVerdict
from checker.symbolic.circuit import Circuit, circuit_of
from model.lang import Kind, Property
from tests.agree.test_export import the_cell
from tests.rigs.volume import NIGHTLY

ONE = "cpus=1,pins=1,vectors=1,ioapic=0x11"
WORDS = ("--engine", "sat", "--vmm", "qemu", "--guest", "windows_cg", "--scope", ONE)
LONG = 60.0  # seconds


def quiet(what: str) -> None: ...


def one(design: str, scope: str = ONE) -> Cell:
    return the_cell(design, "qemu", "windows_cg", "level", scope)


def always_of(cell: Cell) -> list[Property]:
    """Of each nature: invariants, and properties of steps, some of them vacuous; nightly all of them."""
    asked = [p for p in all_properties().values() if p.kind is Kind.ALWAYS and p.why_not(cell.system) is None]
    return [
        p
        for p in asked
        if NIGHTLY or p.function.__module__ in ("properties.eoi", "properties.scan", "properties.level")
    ]


@pytest.mark.parametrize("design", ["base", "v1", "v6"])
def test_it_says_what_the_native_engine_says(design: str) -> None:
    """Of each property, how long the shortest run is, and whether it holds only because nothing comes up."""
    cell = one(design)
    asked = always_of(cell)
    native = {v.property.name: v for v in check_cell(cell, asked).verdicts}
    found = judge_by_sat(cell, asked, LONG, quiet).verdicts
    assert len(found) == len(asked) > 8
    said = {v.property.name: (v.status, v.run and v.run.length, v.is_vacuous()) for v in found}
    assert said == {name: (v.status, v.run and v.run.length, v.is_vacuous()) for name, v in native.items()}
    assert Status.HOLDS in {v.status for v in found}


def test_two_of_each_and_a_run_of_ten_steps() -> None:
    cell = one("v1", "cpus=2,pins=2,vectors=2,ioapic=0x11")
    (found,) = judge_by_sat(cell, [all_properties()["no_eoi_lost"]], LONG, quiet).verdicts
    assert found.status is Status.VIOLATED and found.run is not None and found.run.length == 10
    assert found.binding.keys() == {"pin"}


# ---- the command ----


def test_a_violation_is_told_with_its_story(eoi: Callable[..., Any]) -> None:
    ran = eoi("prove", "v1", *WORDS, "--property", "no_eoi_lost")
    assert ran.code == 1
    assert ran.out.splitlines()[0] == "v1, qemu 0x11, windows_cg, level, by SAT: 1 VIOLATED"
    assert "VIOLATED no_eoi_lost: 10 steps (shortest)" in ran.out
    assert "nobody is left who would clear it" in ran.out and "eoi trace v1 --vmm qemu" in ran.out


def test_what_is_proved_says_where(eoi: Callable[..., Any]) -> None:
    ran = eoi("prove", "base", *WORDS, "--property", "no_eoi_lost")
    assert ran.code == 0
    assert "HOLDS no_eoi_lost: inductive at sizes 1x1x1: " in ran.out


@pytest.mark.parametrize(
    ("name", "why"), [("no_storm", "this is about those that do not"), ("remote_irr_set", "this is a witness")]
)
def test_what_it_is_not_asked(eoi: Callable[..., Any], name: str, why: str) -> None:
    ran = eoi("prove", "base", *WORDS, "--property", name)
    assert ran.code == 3
    assert f"INCONCLUSIVE {name}: SAT is asked for" in ran.out and why in " ".join(ran.out.split())
    assert "INCONCLUSIVE: nothing was judged" in ran.out


def test_without_time_it_says_how_far_it_came(eoi: Callable[..., Any]) -> None:
    """In half a second of three vCPUs."""
    words = [word.replace("cpus=1", "cpus=3").replace("vectors=1", "vectors=3") for word in WORDS]
    ran = eoi("prove", "base", *words, "--timeout", "0.5", "--property", "no_eoi_lost")
    assert ran.code == 3
    said = [line for line in ran.out.splitlines() if line.startswith("INCONCLUSIVE no_eoi_lost: ")]
    assert said and ("no run of up to" in said[0] or "out of time" in said[0])


def test_without_a_proof_it_says_how_far_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(cell: Cell, asked: Sequence[Property], *_: object) -> WideResult:
        return WideResult(cell, [WideVerdict(p, Status.INCONCLUSIVE) for p in asked])

    monkeypatch.setattr(by_sat, "judge_wide", nothing)
    (found,) = judge_by_sat(one("base"), [all_properties()["no_eoi_lost"]], LONG, quiet).verdicts
    assert found.status is Status.INCONCLUSIVE
    assert found.note == "no run of up to 20 steps violates it, and no proof was found"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--sizes", "2x2x2"], "no place for --sizes"),
        (["--certificate", "x.cert"], "no place for --certificate"),
        (["--max-states", "9"], "no place for --max-states"),
        (["--format", "junit"], "--format junit has no place for it"),
        (["--guest", "linux"], "these are several cells, and what --engine sat says is of one"),
        (["--property", "no_eoi_lots"], "no_eoi_lost"),
    ],
)
def test_mistakes(eoi: Callable[..., Any], more: list[str], said: str) -> None:
    ran = eoi("prove", "v1", *WORDS, *more)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_other_commands_have_no_such_engine(eoi: Callable[..., Any]) -> None:
    assert eoi("trace", "v1", *WORDS, "--property", "no_eoi_lost").code == 2


LEAVES_ITS_RANGE = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.ioapic[0].irq_eoi += 1
        self.ioapic[0].irq_eoi += 1
        super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_what_leaves_its_range_is_the_models_mistake(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """With the run to it, as the native engine says it."""
    path = tmp_path / "mine.py"
    path.write_text(LEAVES_ITS_RANGE)
    ran = eoi("prove", str(path), *WORDS, "--property", "no_eoi_lost")
    native = eoi("prove", str(path), *WORDS[2:], "--property", "no_eoi_lost")
    assert (ran.code, ran.out) == (2, "")
    assert f"{path}:8: " in ran.err and "irq_eoi = 2 is out of range" in ran.err
    assert ran.err.rpartition("after ")[2].split()[:2] == native.err.rpartition("after ")[2].split()[:2]


# ---- bugs put in ----


def starts_elsewhere(made: Circuit) -> Circuit:
    return replace(made, bits=[replace(bit, start=not bit.start) for bit in made.bits])


def sees_nothing(made: Circuit) -> Circuit:
    return replace(made, targets=[replace(target, literal=0) for target in made.targets])


def sees_too_much(made: Circuit) -> Circuit:
    return replace(made, targets=[replace(target, literal=1) for target in made.targets])


def takes_another_step(made: Circuit) -> Circuit:
    return replace(made, steps=[*made.steps[1:], made.steps[0]], arguments=[*made.arguments[1:], made.arguments[0]])


@pytest.mark.parametrize("bug", [starts_elsewhere, sees_nothing, sees_too_much, takes_another_step])
def test_a_wrong_circuit_is_told(
    eoi: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, bug: Callable[[Circuit], Circuit]
) -> None:
    """Both answers, and exit code 4."""
    monkeypatch.setattr(by_sat, "circuit_of", lambda *of: bug(circuit_of(*of)))
    ran = eoi("prove", "v1", *WORDS, "--property", "no_eoi_lost")
    assert ran.code == 4
    assert "SAT says" in ran.err and "CPython says" in ran.err
