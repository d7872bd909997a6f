"""`eoi diff` that is cut short: what was found of the cells that were finished under both designs is told, and the rest
is said to be open."""

from __future__ import annotations

import json

import pytest

from checker.engine.search import Limits, NativeSearch
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import designs
from checker.questions import campaign, compare, verdict
from checker.questions.graph_compare import compare_graphs
from checker.questions.verdict import check_cell
from tests.rigs.ctrl_c import ctrl_c

ASKED = ("--property", "no_eoi_lost,no_storm", "--scope", "cpus=1,pins=1")
BOTH = (
    "diff",
    "base",
    "v1",
    "--vmm",
    "qemu,crosvm",
    "--guest",
    "linux,windows_cg",
    *ASKED,
)  # begins with qemu 0x11, linux
CELLS = 6  # qemu 0x11 and 0x20, crosvm; each with two guests
pytestmark = pytest.mark.usefixtures("hears_ctrl_c")


@pytest.fixture
def after(monkeypatch):
    """after(n): Ctrl-C comes when n searches are finished, one after the other, and the next one is begun."""

    def begin(finished):
        begun = []

        def check(cell, *rest, stop, **options):
            begun.append(cell)
            if len(begun) > finished:
                ctrl_c()
                assert stop.wait(60)
            return check_cell(cell, *rest, stop=stop, **options)

        monkeypatch.setattr(campaign, "check_cell", check)
        monkeypatch.setattr(campaign.os, "cpu_count", lambda: 1)

    return begin


def left_of(out):
    return f"; INCONCLUSIVE: interrupted, {out} of {CELLS} cells not explored\n"


def test_before_anything_is_finished_nothing_is_said_of_verdicts(eoi, after):
    after(0)
    ran = eoi(*BOTH, "--brief")
    assert ran.code == 3 and "Nothing was explored of both v1 and base." in ran.out and ran.out.endswith(left_of(CELLS))
    assert "no verdict changes" not in ran.out and "equivalent" not in ran.out and "same reachable graph" not in ran.out


def test_a_cell_that_is_finished_under_one_design_only_is_open(eoi, after):
    after(1)
    ran = eoi(*BOTH, "--brief")
    assert ran.code == 3 and ran.out.endswith(left_of(CELLS - 1))
    assert "\nOPEN          no_eoi_lost             qemu 0x11, linux, level: holds -> INCONCLUSIVE\n" in ran.out
    assert f"\nNOT EXPLORED  {CELLS - 1} cells: " in ran.out
    (command,) = [
        line for line in ran.out.splitlines() if line.startswith("  reproduce one: eoi diff base v1 --vmm qemu ")
    ]
    assert " --property no_eoi_lost " in command, "it asks the same"


@pytest.fixture
def no_digest(monkeypatch):
    """Graphs have to be compared state by state."""
    monkeypatch.setattr(verdict, "digest_of", lambda *_: "")


def test_finished_cells_without_a_change_are_not_called_equivalent(eoi, after, no_digest):
    after(2)
    ran = eoi(*BOTH, "--brief")
    assert ran.code == 3 and ran.out.endswith(left_of(CELLS - 1))
    assert "no verdict changes, and nothing is violated in either, so far\n" in ran.out
    assert "NOT COMPARED  graphs                  qemu 0x11, linux, level: interrupted\n" in ran.out
    assert "equivalent" not in ran.out


@pytest.mark.parametrize("more", [(), ("--all",)], ids=["story", "all"])
def test_what_regressed_before_is_told_and_stays_exit_code_1(eoi, after, more):
    after(4)  # qemu 0x11, windows_cg: the first patch loses its EOI
    ran = eoi(*BOTH, *more)
    assert ran.code == 1 and ran.out.endswith(left_of(CELLS - 2)) and "1 regressed" in ran.out
    assert "\nREGRESSED     no_eoi_lost             qemu 0x11, windows_cg, level: 10 steps  pin=0\n" in ran.out
    assert "no_eoi_lost: VIOLATED in 10 steps (shortest)" in ran.out
    assert ran.out.count("reproduce: eoi diff base v1 ") == (CELLS - 2 if more else 0)


def test_json_says_so_too(eoi, after):
    after(4)
    told = json.loads(eoi(*BOTH, "--json").out)
    assert told["interrupted"] and told["inconclusive"] and not told["equivalent"]
    assert len(told["graphs"]) == 2 and len(told["not_explored"]) == CELLS - 2
    assert [c["kind"] for c in told["changes"]] == ["REGRESSED", "FIXED"]


def test_the_command_that_is_given_explores_what_was_not(eoi, after, monkeypatch):
    after(4)
    command = json.loads(eoi(*BOTH, "--json").out)["not_explored"][-1].split()
    monkeypatch.undo()
    told = json.loads(eoi(*command[1:], "--property", "no_storm", "--json").out)
    assert not told["interrupted"] and not told["inconclusive"] and not told["not_explored"]
    assert [graph["cell"] for graph in told["graphs"]] == ["crosvm 0x20, windows_cg, level"]


def test_ctrl_c_while_graphs_are_compared_keeps_the_verdicts(eoi, monkeypatch, no_digest):
    asked = []

    def compared(*cells):
        asked.append(cells)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return compare_graphs(*cells)

    monkeypatch.setattr(compare, "compare_graphs", compared)
    ran = eoi("diff", "base", "v1", "--vmm", "qemu,crosvm", "--guest", "linux", *ASKED, "--brief")
    assert (
        ran.code == 3 and len(asked) == 2 and ran.out.endswith(", 2 undecided, 1 the same; INCONCLUSIVE: interrupted\n")
    )
    assert "v1 and base have the same reachable graph in 1 of 3 cells." in ran.out and "NOT EXPLORED" not in ran.out


def test_a_search_for_a_picture_that_hears_ctrl_c_says_so(monkeypatch):
    scope = {"cpus": 1, "pins": 1}
    cell = next(c for c in matrix(("base", designs()["base"]), kernels=[], vmms=["crosvm"], guests=["linux"], devices=["level"], scope=scope)
                if isinstance(c, Cell))  # fmt: skip
    run = NativeSearch.run

    def heard(search, limits, on_progress):
        def progress(stats):
            raise KeyboardInterrupt

        return run(search, limits, progress)

    monkeypatch.setattr(NativeSearch, "run", heard)
    with pytest.raises(KeyboardInterrupt):
        compare_graphs(cell, cell, [], Limits())


def test_memory_that_does_not_suffice_for_one_cell_leaves_the_others_theirs(eoi, monkeypatch):
    def checked(cell, *rest, **options):
        if (cell.names["vmm"], cell.names["kernel"]) == ("crosvm", "v1"):
            raise MemoryError("no memory for the search engine")
        return check_cell(cell, *rest, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    ran = eoi(*BOTH, "--brief")
    assert ran.code == 1 and "REGRESSED     no_eoi_lost             qemu 0x11" in ran.out
    assert "; INCONCLUSIVE: 2 of 6 cells not explored\nmemory ran out: take fewer cpus" in ran.out
    assert "\nNOT EXPLORED  2 cells: crosvm 0x20, {linux, windows_cg}, level\n" in ran.out


def test_designs_are_not_equivalent_while_a_cell_is_missing(eoi, monkeypatch):
    def checked(cell, *rest, **options):
        if cell.names["vmm"] == "crosvm":
            raise MemoryError
        return check_cell(cell, *rest, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    same = ("diff", "base", "base", "--vmm", "qemu,crosvm", "--guest", "linux", *ASKED)
    ran = eoi(*same)
    assert ran.code == 3 and "have the same reachable graph in 2 of 2 cells." in ran.out and "equivalent" not in ran.out
    assert json.loads(eoi(*same, "--json").out)["equivalent"] is False
