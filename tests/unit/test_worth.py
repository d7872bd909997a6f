"""What an answer is worth: only what was shown for this one, and where nothing is on record, that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine.native import Outcome
from checker.matrix.roles import DEVICES, GUESTS, VMMS, all_properties, designs
from checker.matrix.select import select, selection
from checker.questions import measured, worth
from checker.questions.measured import model_digest
from checker.questions.verdict import check_cell
from checker.questions.worth import Measured, Recall, Worth, recall_of, worth_of
from model.designs.v1 import V1

SEND = "kvm_ioapic_send_eoi"
CELL = "qemu 0x11, windows_cg, level"


def mutant(**other):
    return {
        "side": "KVM", "function": SEND, "file": "model/designs/v6.py", "fate": "killed", "killed_in": CELL,
        "verdicts": {"no_eoi_lost": []}, "tellers": ["no_eoi_lost", "no_storm"],
    } | other  # fmt: skip


MUTANTS = [
    mutant(), mutant(killed_in="crosvm 0x20, linux, level"), mutant(verdicts={"no_storm": []}),
    mutant(fate="no verdict tells"), mutant(fate="equal for all states"), mutant(fate="alike for any observer"), mutant(fate="refused"),
    mutant(fate="killed beyond the default matrix"), mutant(function="apic_set_eoi"), mutant(side="VMMs"),
]  # fmt: skip


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"date": "2026-11-29", "design": "v6", "model": model_digest(), "mutants": MUTANTS}))
    return path


def cells_of(*scope: str):
    return select(selection("v1", {"vmm": ["qemu"], "guest": ["windows_cg"]}, None, ",".join(scope)))[1]


def test_the_mutants_of_the_changed_functions_that_are_told_and_no_others(record):
    """Those that are equal, alike or refused are not counted; that of another function, or of a VMM, is none of a kernel's."""
    found = recall_of(V1, [SEND, "helper"], {"no_eoi_lost", "no_storm"}, cells_of(), record)
    assert found == Recall("2026-11-29", "v6", 5, 3, 2, ["helper"], True)


def test_only_by_what_is_asked_and_in_the_very_cells(record):
    assert recall_of(V1, [SEND], {"no_storm"}, cells_of(), record).here == 1
    assert recall_of(V1, [SEND], {"advertised_is_backed"}, cells_of(), record).told == 0
    other = (cells_of("ioapic=0x20"), cells_of("cpus=1"), cells_of("x2apic=off"), [])  # another version, sizes, choices
    assert [recall_of(V1, [SEND], {"no_eoi_lost"}, cells, record).here for cells in other] == [0] * 4


def test_where_nothing_is_on_record_that_is_said(record, tmp_path):
    assert recall_of(V1, [SEND], {"no_storm"}, [], tmp_path / "none.json") is None
    found = recall_of(V1, ["helper"], {"no_storm"}, [], record)
    assert found.text() == "no mutant on record of helper()" and found.short() == "none on record"
    said = Worth(0, 0, {}, [SEND], "base", [], None).line()
    assert "no cell was explored" in said and f"measured: {SEND}() on no real system" in said
    assert "recall: no mutants on record (make mutants)" in said and "no certificate" in said


def test_what_ran_beside_a_real_system_is_the_very_function():
    """Linux 6.18 is v6: what v1 does in its place never ran there; nor did what nobody measured."""
    run = {"oracle": "Linux 6.18, kvm_pvm (x)", "design": "v6", "date": "2026-11-21 10:00 UTC", "same_model": False}
    of = lambda cls: worth._measured(cls, [SEND, "apic_set_eoi"], run)  # noqa: E731
    assert of(V1) == Measured("Linux 6.18, kvm_pvm", "2026-11-21", ["apic_set_eoi"], False)
    assert of(designs()["v6"]).functions == [SEND, "apic_set_eoi"]
    qemu = {**run, "oracle": "QEMU 7.2", "design": "model/vmms/qemu.py, model/migration.py"}
    assert worth._measured(VMMS["qemu"], ["ioapic_set_irq"], qemu).functions == ["ioapic_set_irq"]
    assert worth._measured(VMMS["crosvm"], ["ioapic_set_irq"], qemu).functions == []
    for cls in (GUESTS["linux"], DEVICES["level"]):
        names = worth.own_functions(cls)
        assert names and worth._measured(cls, names, run).functions == worth._measured(cls, names, qemu).functions == []


def test_all_of_it_of_a_real_answer(monkeypatch, tmp_path):
    monkeypatch.setattr(measured, "REPORTS", tmp_path)
    (cell, *_) = cells_of("cpus=1", "pins=1", "vectors=1")
    result = check_cell(cell, [all_properties()["no_eoi_lost"]], again=0)
    found = worth_of(V1, [result])
    assert (found.cells, found.whole, found.functions, found.stands_on) == (1, 1, [SEND], "base")
    assert found.line().startswith(
        "Worth: every state of 1 cell at 1 vCPU, 1 pin, 1 vector; no proof for other sizes; "
    )
    assert (
        found.short().startswith("Worth: all states, 1x1x1; measured 0 of 1 function; mutants told: ")
        and len(found.short()) <= 80
    )
    cut = worth_of(V1, [result, replace(result, outcome=Outcome.STATE_LIMIT)])
    assert "every state of 1 of 2 cells" in cut.line() and cut.short().startswith("Worth: all states of 1 of 2 cells, ")
    assert json.loads(json.dumps(found.as_json()))["line"] == found.line()


def test_what_changes_nothing_says_so():
    found = worth_of(V1, [], ("v1", V1))
    assert found.functions == [] and "measured: it changes no function; recall: it changes no function" in found.line()
