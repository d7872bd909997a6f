"""Cells that other processes explore are judged as they are here; what goes wrong there goes wrong here."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.engine import checkpoint, native
from checker.engine.checkpoint import Checkpoints
from checker.engine.search import Limits
from checker.errors import EnginesDisagree
from checker.matrix.cells import Cell
from checker.matrix.loader import load_design
from checker.matrix.roles import all_properties
from checker.matrix.select import select, selection
from checker.questions import campaign, elsewhere
from checker.questions.campaign import Campaign, run_campaign
from checker.questions.verdict import CellResult, Status, check_cell, trace_of
from checker.stories.write import to_text
from checker.workers import partitioned
from model.lang import Property
from tests.agree.test_linked import medium
from tests.unit.test_kept_answers import TEXT

ROLES = {"kernel": None, "vmm": ["qemu", "crosvm"], "guest": ["linux", "windows_cg"], "device": ["level"]}
SMALL = "cpus=1,pins=1,vectors=1"
PROPERTIES = list(all_properties().values())
FAULT = TEXT.replace("            return", "            apic.pending_ioapic_eoi = vector + 1\n            return")


def cells_of(design: str) -> list[Cell]:
    _, cells, _, _ = select(selection(design, ROLES, None, SMALL, None))
    assert len(cells) == 6
    return cells


def ask(cells: Sequence[Cell], on: str, wanted: Sequence[Property] = PROPERTIES, **limits: Any) -> Campaign:
    return run_campaign(cells, wanted, engine="native", limits=Limits(on=on, **limits))


def without_time(found: Campaign) -> Campaign:
    return replace(found, results=tuple(replace(result, seconds=0.0) for result in found.results))


def test_the_answers_are_the_same_and_in_the_order_of_the_matrix(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEXT)
    for design in ("v1", str(tmp_path / "mine.py")):
        cells = cells_of(design)
        here, there = ask(cells, "here"), ask(cells, "processes")
        assert without_time(here) == without_time(there)
        assert all(result.cell is cell for result, cell in zip(there.results, cells, strict=True))
        assert {v.status for r in there.results for v in r.verdicts} >= {Status.HOLDS, Status.VIOLATED}
        stories = [
            [to_text(trace_of(r, v, "")) for r in found.results for v in r.verdicts if v.status is Status.VIOLATED][:3]
            for found in (here, there)
        ]
        assert stories[0] == stories[1] and len(stories[0]) > 1


def test_another_process_finds_them_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(cell: Cell, *rest: Any, **options: Any) -> CellResult:
        return replace(check_cell(cell, *rest, **options), engine=f"process {os.getpid()}")

    monkeypatch.setattr(campaign, "check_cell", checked)
    monkeypatch.setattr(campaign.os, "cpu_count", lambda: 2)
    by = {on: {r.engine for r in ask(cells_of("v1"), on, PROPERTIES[:1]).results} for on in ("here", "processes", "")}
    own = f"process {os.getpid()}"
    assert by["here"] == by[""] == {own}  # so few do not pay
    assert own not in by["processes"] and len(by["processes"]) == 2
    monkeypatch.setattr(elsewhere, "ENOUGH", 2)
    assert own not in {r.engine for r in ask(cells_of("v1"), "", PROPERTIES[:1]).results}


def test_cells_of_one_program_go_to_one_worker() -> None:
    cells = cells_of("v1")
    groups = elsewhere.by_program(cells, range(len(cells)))
    assert sorted(n for group in groups for n in group) == list(range(6)) and len(groups) == 4
    assert all(len({cells[n].system for n in group}) == 1 for group in groups)


def test_a_cell_without_memory_leaves_the_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(cell: Cell, *rest: Any, **options: Any) -> CellResult:
        if cell.names["vmm"] == "crosvm" and cell.names["guest"] == "linux":
            raise MemoryError("no memory for the search engine")
        return check_cell(cell, *rest, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    found = ask(cells_of("v1"), "processes", PROPERTIES[:2])
    assert found.out_of_memory == found.unexplored and len(found.unexplored) == 1 and len(found.results) == 5


def test_a_disagreement_is_told_with_both_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(cell: Cell, *rest: Any, **options: Any) -> CellResult:
        raise EnginesDisagree(str(cell), {"one": "HOLDS", "other": "VIOLATED"})

    monkeypatch.setattr(campaign, "check_cell", checked)
    cells = cells_of("v1")
    with pytest.raises(EnginesDisagree, match="one says HOLDS, but other says VIOLATED") as told:
        ask(cells, "processes")
    assert told.value.what in map(str, cells)


def test_what_is_wrong_with_a_users_file_is_told_in_the_same_words(eoi: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAULT)
    asked = (
        "prove",
        "--absolute",
        str(tmp_path / "mine.py"),
        "--vmm",
        "qemu,crosvm",
        "--guest",
        "windows_cg",
        "--scope",
        "cpus=1,pins=1",
    )
    here, there = eoi(*asked, "--on", "here"), eoi(*asked, "--on", "processes")
    assert here == there and here.code == 2 and re.search(r"mine\.py:\d+: .* is out of", here.err)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.getpid()

    def checked(cell: Cell, *rest: Any, stop: Any, **options: Any) -> CellResult:
        result = check_cell(cell, *rest, stop=stop, **options)
        if cell.names["vmm"] == "crosvm":
            os.kill(owner, signal.SIGINT)
            while not stop.is_set():
                pass
        return result

    monkeypatch.setattr(campaign, "check_cell", checked)
    monkeypatch.setattr(campaign.os, "cpu_count", lambda: 1)
    found = ask(cells_of("v1"), "processes", PROPERTIES[:2])
    assert found.interrupted and 0 < len(found.results) < 6 and len(found.results) + len(found.unexplored) == 6


def test_a_search_that_was_left_goes_on_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkpoint, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(native, "CHUNK_SECONDS", 0.0)
    cells = [medium()]
    whole = ask(cells, "here", max_states=10**6).results[0]
    ask(cells, "here", max_states=3000, checkpoints=Checkpoints())
    said = list[str]()
    wanted = Checkpoints(resume=True, say=said.append)
    found = ask(cells, "processes", max_states=10**6, checkpoints=wanted).results[0]
    assert wanted.resumed and said == [f"a search goes on from {wanted.resumed[0]:,} states"]
    assert (found.verdicts, found.stats.states, found.graph) == (whole.verdicts, whole.stats.states, whole.graph)


def test_a_class_that_has_no_name_is_explored_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "packed_answer", lambda *asked: None)
    cells = cells_of("v1")
    assert without_time(ask(cells, "processes")) == without_time(ask(cells, "here"))


def test_another_place_is_refused(eoi: Any) -> None:
    ran = eoi("prove", "v1", "--on", "procesess")
    assert ran.code == 2 and "did you mean 'processes'?" in ran.err


def test_the_command_says_the_same(eoi: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEXT)
    asked = (
        "prove",
        str(tmp_path / "mine.py"),
        "--vmm",
        "qemu,crosvm",
        "--guest",
        "linux,windows_cg",
        "--scope",
        "cpus=1,pins=1",
        "--json",
    )
    told = [eoi(*asked, "--on", on) for on in ("here", "processes")]
    assert told[0].code == told[1].code == 1
    assert json.loads(told[0].out) == json.loads(told[1].out)
    assert load_design(str(tmp_path / "mine.py")).__name__ == "Mine"


def test_one_cell_is_explored_by_all_processes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "BORDER", 32)
    run, ran = partitioned._together, list[object]()
    monkeypatch.setattr(partitioned, "_together", lambda *asked: ran.append(run(*asked)))
    cells = [medium()]
    here, there = ask(cells, "here"), ask(cells, "processes")
    assert len(ran) == 1
    for one, other in zip(here.results, there.results, strict=True):
        assert (one.verdicts, one.graph, one.fairness) == (other.verdicts, other.graph, other.fairness)
        assert (one.never_fired, one.lines_run) == (other.never_fired, other.lines_run)
        assert replace(one.stats, bytes=0, table_bytes=0) == replace(other.stats, bytes=0, table_bytes=0)
        told = [[to_text(trace_of(r, v, "")) for v in r.verdicts if v.run] for r in (one, other)]
        assert told[0] == told[1] and told[0]
