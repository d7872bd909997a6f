"""`eoi gate --mutants`: what it prints and writes, and that nothing judged is no pass."""

from __future__ import annotations

import json
import pickle
import re
import threading
from pathlib import Path

import pytest

from checker.command import mutants
from checker.command.gate import expected_table
from checker.errors import InternalError
from checker.questions import gate
from checker.workers.workers import Desk
from oracles.world import elsewhere, equal
from oracles.world import run as world_run

CELLS = {"qemu_kernel_migrated 0x11, xen, level", "qemu_kernel_migrated 0x11 BIT3, xen, level"}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """One program of 104 states, and a log of its own."""
    parts = [part for part in gate.full_matrix(["v6"]) if (part.vmm, part.guest) == ("qemu_kernel_migrated", "xen")]
    monkeypatch.setattr(gate, "full_matrix", lambda names: parts)
    of = world_run.Log.of
    monkeypatch.setattr(world_run.Log, "of", lambda cache, digest: of(tmp_path, digest))
    return ("gate", "--mutants", "--jobs", "1")


def test_a_part_is_told_and_is_no_pass(eoi, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(equal, "LEMMAS", ())  # seven seconds of z3; what they decide: tests/oracles/test_world.py
    ran = eoi(*tiny, "--every", "80", "--write", str(tmp_path / "out"))
    assert ran.code == 1  # of KVM's rules this cell does not tell 95 %
    assert "KVM: " in ran.out and "target 95 % missed" in ran.out and "VMMs: " in ran.out
    assert "QEMU's I/O APIC: none judged" in ran.out
    record = json.loads((tmp_path / "out/world.json").read_text())
    assert record["one_in"] == 80 and not record["whole"] and record["cells"] == len(CELLS)
    killed = [m for m in record["mutants"] if m["fate"] == "killed"]
    assert killed and {m["killed_in"] for m in killed} <= CELLS
    assert all(was != now for m in killed for was, now in m["verdicts"].values())
    survivors = [m for m in record["mutants"] if "tells" in m["fate"]]
    assert survivors and all({"file", "line", "change", "diff"} <= set(m) for m in survivors)
    assert "lvr_kept" in record["asked_of_no_cell"] and "no_eoi_lost" not in record["asked_of_no_cell"]
    text = (tmp_path / "out/world.md").read_text()
    assert "One mutant in 80: a part." in text and all(f"`{m['change']}`" in text for m in survivors)


def test_no_mutants_are_inconclusive(eoi, tiny, monkeypatch):
    monkeypatch.setattr(mutants, "chosen", lambda *_: [])
    ran = eoi(*tiny)
    assert ran.code == 3 and ran.out.count("none judged") == 4


def test_one_side_alone_is_inconclusive(eoi, tiny, monkeypatch):
    """All of it is killed, and of the other sides nothing is known."""
    change = "(trigger != Trigger.LEVEL) or kvm_lapic_suppress_eoi_broadcast(ref apic): right operand dropped"
    monkeypatch.setattr(mutants, "chosen", lambda found, *_: [m for m in found[0].mutants if m.what == change])
    ran = eoi(*tiny, "--json")
    (one,) = json.loads(ran.out)["mutants"]
    assert one["fate"] == "killed" and one["side"] == "in-kernel I/O APIC" and "no_reinjection" in one["tellers"]
    assert ran.code == 3


def test_expectations_of_another_model_are_refused(eoi, tiny, tmp_path):
    text = Path("reports/expected.toml").read_text(encoding="utf-8")
    wrong = re.sub(r'("qemu_kernel_migrated 0x11, xen, level" = ")', r"\g<1>1", text)  # states
    assert wrong != text
    (tmp_path / "wrong.toml").write_text(wrong)
    ran = eoi(*tiny, "--expected", str(tmp_path / "wrong.toml"))
    assert ran.code == 2 and "the design itself is not what is expected of it" in ran.err and not ran.out


def test_what_it_is_not_asked(eoi):
    ran = eoi("gate", "--mutants", "--design", "v1")
    assert ran.code == 2 and "mutants are those of v6" in ran.err
    ran = eoi("gate", "--every", "80")
    assert ran.code == 2 and "--mutants" in ran.err


def test_large_systems_can_be_left_out(eoi, tiny):
    """All there are, here: then nothing is judged."""
    ran = eoi(*tiny, "--most", "5")
    assert ran.code == 3 and ran.out.count("none judged") == 4


def test_workers_without_the_log_say_the_same(eoi, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(equal, "LEMMAS", ())
    asked, records = [*tiny, "--every", "80"], []
    judge = elsewhere.CellJudge.judge
    monkeypatch.setattr(elsewhere, "SMALL", 50)  # and one cell is a large one
    for on in ([], ["--on", "processes"]):
        ran = eoi(*asked, *on, "--json")
        records.append({**json.loads(ran.out), "seconds": 0, "exit": ran.code})
        for log in tmp_path.rglob("found.jsonl"):
            assert log.read_text()
            log.unlink()
        monkeypatch.setattr(world_run.CellJudge, "judge", lambda *_: pytest.fail("judged here"))
        monkeypatch.setattr(elsewhere, "CellJudge", type("Again", (elsewhere.CellJudge,), {"judge": judge}))
    assert records[0] == records[1] and any(m["fate"] == "killed" for m in records[0]["mutants"])


def test_an_agenda_is_the_same_on_another_machine(tiny):
    expected = expected_table(Path("reports/expected.toml"), ["v6"])
    here = elsewhere.Remaking(expected, None, ["no name of a mutant"], False)
    there = pickle.loads(pickle.dumps(here))
    assert there.agenda.places == here.agenda.places and len(here.agenda.places) == len(CELLS)
    names = [[m.name for m in made.agenda.worlds[0].mutants] for made in (here, there)]
    assert names[0] == names[1] and len(names[0]) > 100
    digests = [[made.book.digest(m) for m in made.agenda.worlds[0].mutants] for made in (here, there)]
    assert digests[0] == digests[1]


def test_another_agenda_is_noticed(tiny):
    made = elsewhere.Remaking(expected_table(Path("reports/expected.toml"), ["v6"]), None, [], False)
    with pytest.raises(InternalError, match="where another cell was meant"):
        elsewhere._judged(Desk(made, print, threading.Event()), 0, "another cell", [])
