"""`--engine both`: two engines that have to say the same; a difference is exit 4 with both answers, and what one alone came to is open."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from checker.engine.native import Outcome
from checker.questions import campaign
from checker.questions.verdict import CellResult, Status, check_cell

HERE = (
    "prove",
    "v1",
    "--vmm",
    "qemu",
    "--guest",
    "windows_cg",
    "--scope",
    "cpus=1,pins=1,vectors=1,ioapic=0x11",
    "--absolute",
    "--engine",
    "both",
)
CELL = "qemu 0x11, windows_cg, level"


@pytest.fixture
def reference_says(monkeypatch):
    """The reference says something else."""

    def seed(change):
        def checked(*asked, engine, **options):
            result = check_cell(*asked, engine=engine, **options)
            return change(result) if engine == "reference" else result

        monkeypatch.setattr(campaign, "check_cell", checked)

    return seed


def of(result: CellResult, name: str, **other) -> CellResult:
    """With another verdict of one property."""
    return replace(
        result, verdicts=tuple(replace(v, **other) if v.property.name == name else v for v in result.verdicts)
    )


def test_both_say_the_same(eoi):
    ran, alone = eoi(*HERE), eoi(*HERE[:-1], "native")
    assert ran.code == alone.code == 1
    assert ran.out.replace("native and reference engine", "native engine") == alone.out != ran.out


@pytest.mark.parametrize(
    ("change", "native", "reference"),
    [
        (lambda r: of(r, "no_storm", status=Status.VIOLATED), "HOLDS", "VIOLATED"),
        (lambda r: of(r, "no_reinjection", note="vacuous: made up"), "HOLDS", "HOLDS (vacuous)"),
        (lambda r: of(r, "no_eoi_lost", status=Status.HOLDS, run=None), "VIOLATED in 10 steps", "HOLDS"),
        (lambda r: of(r, "no_eoi_lost", run=replace(r.verdicts[0].run, moves=r.verdicts[0].run.moves[:-1])), "VIOLATED in 10 steps", "VIOLATED in 9 steps"),
        (lambda r: of(r, "line_is_serviced", run=replace(next(v.run for v in r.verdicts if v.property.name == "line_is_serviced"), stutter=False)), "nothing", "steps"),
        (lambda r: replace(r, stats=replace(r.stats, states=r.stats.states - 1)), "14 states", "13 states"),
        (lambda r: replace(r, stats=replace(r.stats, transitions=16)), "15 transitions", "16 transitions"),
    ],
)  # fmt: skip
def test_a_difference_ends_with_4_and_both_answers(eoi, reference_says, change, native, reference):
    reference_says(change)
    ran = eoi(*HERE)
    assert ran.code == 4 and "VIOLATED  " not in ran.out and f"eoi: internal error, not a verdict: {CELL}: " in ran.err
    told = json.loads(eoi(*HERE, "--json").out)
    assert told["exit"] == 4 and list(told["answers"]) == ["the native engine", "the reference engine"]
    assert native in told["answers"]["the native engine"] and reference in told["answers"]["the reference engine"]


def test_what_only_one_came_to_is_open_and_what_has_a_run_stays(eoi, reference_says):
    def cut(result: CellResult) -> CellResult:
        late = [replace(v, status=Status.INCONCLUSIVE, run=None, note="time ran out") for v in result.verdicts]
        return replace(result, verdicts=tuple(late), outcome=Outcome.TIME_LIMIT)

    reference_says(cut)
    told = json.loads(eoi(*HERE, "--json").out)
    verdicts = {v["property"]: v for v in told["cells"][0]["verdicts"]}
    assert told["inconclusive"] and told["cells"][0]["outcome"] == "TIME_LIMIT"
    assert (
        verdicts["no_eoi_lost"]["verdict"] == "VIOLATED" and verdicts["suppression_requested"]["verdict"] == "REACHED"
    )
    assert verdicts["no_storm"]["verdict"] == "INCONCLUSIVE"
    assert verdicts["no_storm"]["note"] == "only the native engine answers: HOLDS"
    assert "HOLDS" not in {v["verdict"] for v in verdicts.values()} and "NEVER" not in {
        v["verdict"] for v in verdicts.values()
    }


def test_a_limit_of_both_is_inconclusive(eoi):
    ran = eoi(
        *HERE[:7], "cpus=1,pins=1,vectors=1,ioapic=0x20", *HERE[8:], "--property", "no_eoi_lost", "--max-states", "5"
    )
    assert ran.code == 3 and "INCONCLUSIVE  no_eoi_lost" in ran.out and "1 INCONCLUSIVE" in ran.out


def test_without_a_compiler_there_is_only_one(eoi, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert eoi(*HERE).code == 2


def test_who_compares_two_systems_has_no_two_engines(eoi):
    assert eoi("nfc", "base", "v1", "--engine", "both").code == 2
