"""An answer of the gate is taken again only while no file was edited that has a say in it, and never for what is expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.engine import kept
from checker.questions import gate, kept_answers
from tests.command.conftest import Ran

DESIGN = ("gate", "--design", "mutant_b1", "--jobs", "1")  # one system, of two cells
KEPT = "2 cells as judged before, EOI_ANEW=1 judges anew"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that were judged anew."""
    found, honest = list[str](), gate.check_of

    def check_cell(cell, *rest, **more):  # type: ignore[no-untyped-def]
        found.append(str(cell))
        return honest(more["limits"])(cell, *rest, **more)

    monkeypatch.setattr(gate, "check_of", lambda limits: check_cell)
    return found


@pytest.fixture
def written(eoi: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: list[str]) -> Path:
    """What is expected, as the gate wrote it, and kept its answers."""
    monkeypatch.delenv("EOI_ANEW")
    monkeypatch.setattr(kept_answers, "cache_dir", lambda: tmp_path / "answers")
    path = tmp_path / "expected.toml"
    assert eoi(*DESIGN, "--write", str(path)).code == 0
    assert len(judged) == 2
    judged.clear()
    return path


def test_nothing_was_edited(eoi, written, judged) -> None:
    ran = eoi(*DESIGN, "--expected", str(written))
    assert ran.code == 0 and KEPT in ran.out and "all as in" in ran.out and not judged


def test_a_kept_answer_is_compared(eoi, written, judged) -> None:
    text = written.read_text()
    assert "no_storm FAIL" in text
    written.write_text(text.replace("no_storm FAIL", "no_storm ok; no_such FAIL", 1))
    ran = eoi(*DESIGN, "--expected", str(written))
    assert ran.code == 1 and "no_storm: expected ok, found FAIL" in ran.out and KEPT in ran.out and not judged


@pytest.mark.parametrize("how", ["edited", "anew", "damaged"])
def test_it_is_judged_anew(eoi, written, judged, monkeypatch, how) -> None:
    if how == "edited":
        monkeypatch.setattr(kept, "digest_of", lambda modules: "another")
    elif how == "anew":
        monkeypatch.setenv("EOI_ANEW", "1")
    else:
        for file in (written.parent / "answers").iterdir():
            file.write_bytes(file.read_bytes()[:-1])
    ran = eoi(*DESIGN, "--expected", str(written))
    assert ran.code == 0 and "as judged before" not in ran.out and len(judged) == 2


def test_what_a_limit_cut_is_not_kept(eoi, written, judged, monkeypatch) -> None:
    for file in (written.parent / "answers").iterdir():
        file.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(gate, "MAX_STATES", 5)
        eoi(*DESIGN, "--expected", str(written))
    judged.clear()
    assert eoi(*DESIGN, "--expected", str(written)).code == 0 and len(judged) == 2
