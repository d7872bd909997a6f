"""One cell, two cells: wherever the command counts."""

from __future__ import annotations

import re

import pytest

from checker.engine.native import Stats
from checker.progress import Progress
from checker.questions import gate
from checker.questions.retell import _all_steps
from checker.words import count

WRONG = re.compile(
    r"(?<![\d.,:x])1 (cells|states|transitions|pairs|steps|lines|designs|systems|stories|verdicts|differences)\b"
)
ONE = ("--vmm", "crosvm", "--guest", "linux", "--scope", "cpus=1,pins=1")


def test_the_pattern_bites():
    assert WRONG.search("all 1 cells") and not WRONG.search("1 cell, 21 cells, 1,001 states, 0x1 cells")


@pytest.mark.parametrize(("number", "said"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells"), (1200, "1,200 cells")])
def test_count(number, said):
    assert count(number, "cell") == said


def test_an_irregular_plural():
    assert (count(1, "story", "stories"), count(2, "story", "stories")) == ("1 story", "2 stories")


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (("diff", "base", "base", *ONE, "--property", "no_storm"), "in the 1 cell."),
        (("diff", "base", "v1", *ONE, "--property", "no_storm", "--max-states", "1"), "in 0 of 1 cell."),
        (
            (
                "compat",
                "base",
                "v1",
                "--vmm",
                "qemu",
                "--scope",
                "cpus=1,pins=1",
                "--claim",
                "quiet_guest",
                "--max-states",
                "1",
            ),
            "pairs",
        ),
    ],
    ids=["diff the same", "diff cut off", "compat"],
)
def test_commands_on_one_cell(eoi, arguments, right):
    ran = eoi(*arguments)
    assert right in ran.out and not WRONG.search(ran.out), ran.out


def test_open_verdicts_are_in_the_singular(eoi):
    out = eoi("diff", "base", "v1", *ONE, "--property", "no_storm", "--max-states", "1", "--engine", "reference").out
    assert "INCONCLUSIVE -> INCONCLUSIVE" in out and "hold ->" not in out


def test_the_gate(eoi, monkeypatch):
    parts = [p for p in gate.full_matrix(["base"]) if (p.vmm, p.guest, p.device) == ("crosvm", "linux", "level")]
    monkeypatch.setattr(gate, "full_matrix", lambda only: parts)
    out = eoi("gate", "--design", "base", "--jobs", "1").out
    assert "1 cell of 1 design, " in out and not WRONG.search(out)


def test_replayed_steps():
    assert [_all_steps(n) for n in (1, 2)] == ["the 1 step is", "all 2 steps are"]
    assert [_all_steps(n, "runs", "run") for n in (1, 2)] == ["the 1 step runs", "all 2 steps run"]


def test_progress_names_a_phase_until_the_cell_is_finished():
    progress = Progress(2)
    progress.watch(0, "qemu 0x20, linux, level", Stats(1, 1, 0, 1, 0, 0))
    assert " 1 state, " in progress.line()
    progress.phase(0, "qemu 0x20, linux, level", "no_storm: searching 3,000,000 states for a fair loop")
    assert progress.line() == "0/2 cells; qemu 0x20, linux, level: no_storm: searching 3,000,000 states for a fair loop"
    progress.finished(0)
    assert progress.line() == "1/2 cells"
