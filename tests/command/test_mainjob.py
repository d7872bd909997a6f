"""`make prove`: what it says comes first, and that it fails if a claim of the thread comes out otherwise."""

from __future__ import annotations

import pytest

from tools import mainjob


@pytest.fixture
def told(monkeypatch):
    """The job, with this exit code for the commands that begin with these words."""
    monkeypatch.setattr(mainjob, "STORIES", [("one", ["trace", "one"])])
    monkeypatch.setattr(mainjob, "proofs_hold", lambda: True)  # tests/unit/test_inductive_with.py asks

    def run_as(*otherwise):
        def run(arguments):
            usual = {"trace": 1, "diff": 1, "gate": 0}.get(arguments[0])
            usual = (
                next(w for _, a, w in [*mainjob.MATRIX, *mainjob.CLAIMS] if a == arguments) if usual is None else usual
            )
            return (9 if tuple(arguments[: len(otherwise)]) == otherwise else usual), f"<{' '.join(arguments[:2])}>\n"

        monkeypatch.setattr(mainjob, "run", run)

    return run_as


@pytest.mark.parametrize(
    "otherwise", [("trace",), ("prove", "base"), ("prove", "v1"), ("diff",), ("gate",)], ids=" ".join
)
def test_each_part_that_ends_otherwise_is_a_failure(told, tmp_path, otherwise):
    told(*otherwise)
    assert mainjob.main_job(tmp_path) == 1
    told("nothing")
    assert mainjob.main_job(tmp_path) == 0


def test_so_is_an_invariant_that_is_none(told, tmp_path, monkeypatch):
    told("nothing")
    monkeypatch.setattr(mainjob, "proofs_hold", lambda: False)
    assert mainjob.main_job(tmp_path) == 1


def test_the_stories_come_first_and_the_screen_before_the_gate(told, tmp_path, capsys):
    """Seconds before minutes."""
    told("nothing")
    mainjob.main_job(tmp_path)
    out = capsys.readouterr().out
    assert out.startswith("<trace one>\n") and out.index("<trace") < out.index("<diff") < out.index(
        "so it is"
    ) < out.index("<gate")
    assert (tmp_path / "one.txt").read_text() == "<trace one>\n" and (tmp_path / "base.txt").is_file()


@pytest.mark.parametrize(("claim", "words", "wanted"), mainjob.CLAIMS, ids=[claim for claim, _, _ in mainjob.CLAIMS])
def test_each_claim_of_the_thread_comes_out_as_it_is_told(eoi, claim, words, wanted):
    """The commands as they are, not a stand-in for them."""
    assert eoi(*words).code == wanted


def test_the_matrix_and_its_screen_are_asked_for_as_they_are(eoi):
    small = ["--vmm", "qemu", "--guest", "windows_cg", "--device", "level"]
    for words, wanted in [(words, code) for _, words, code in mainjob.MATRIX] + [(mainjob.SCREEN, 1)]:
        asked = [w for w in words if w not in mainjob.CORE]
        assert eoi(*asked, *small).code == wanted
