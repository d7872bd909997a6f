"""`make prove`: a matrix is explored once, whatever is printed of it."""

from __future__ import annotations

from checker.command import explore
from tools import mainjob

ASKED = [
    "prove",
    "--absolute",
    "base",
    "--vmm",
    "qemu",
    "--guest",
    "windows_cg,linux",
    "--scope",
    "cpus=1,pins=1,vectors=1",
]


def test_the_whole_and_the_brief_matrix_are_told_of_one_exploration(eoi, tmp_path, capsys, monkeypatch):
    whole, brief = eoi(*ASKED).out, eoi(*ASKED, "--brief").out
    explored, campaign = list[int](), explore.run_campaign
    monkeypatch.setattr(explore, "run_campaign", lambda cells, *rest, **k: explored.append(len(cells)) or campaign(cells, *rest, **k))  # fmt: skip
    monkeypatch.setattr(mainjob, "MATRIX", [("base.txt", ASKED, 1)])
    monkeypatch.setattr(mainjob, "CLAIMS", [])
    monkeypatch.setattr(mainjob, "STORIES", [])
    monkeypatch.setattr(mainjob, "run", lambda arguments: (0, "the gate\n"))
    assert mainjob.main_job(tmp_path) == 0 and explored == [4]
    assert (tmp_path / "base.txt").read_text() == whole and "covered:" in whole
    told = capsys.readouterr().out
    assert told.startswith("\n".join(line for line in brief.splitlines() if line) + "\n\n") and "covered:" not in told


def test_a_matrix_that_ends_otherwise_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(mainjob, "MATRIX", [("base.txt", ASKED, 0)])
    monkeypatch.setattr(mainjob, "CLAIMS", [])
    monkeypatch.setattr(mainjob, "STORIES", [])
    monkeypatch.setattr(mainjob, "run", lambda arguments: (0, ""))
    assert mainjob.main_job(tmp_path) == 1


def test_the_stories_come_first(tmp_path, capsys, monkeypatch):
    """They take seconds, and the rest minutes."""
    monkeypatch.setattr(mainjob, "MATRIX", [("base.txt", ASKED, 1)])
    monkeypatch.setattr(mainjob, "CLAIMS", [])
    monkeypatch.setattr(mainjob, "STORIES", [("one", ["trace", "one"])])
    monkeypatch.setattr(
        mainjob, "run", lambda arguments: (1, "a story\n") if arguments[0] == "trace" else (0, "the gate\n")
    )
    assert mainjob.main_job(tmp_path) == 0
    told = capsys.readouterr().out
    assert told.startswith("a story\n\n") and told.index("a story") < told.index("linux") < told.index("the gate")
    assert (tmp_path / "one.txt").read_text() == "a story\n"
