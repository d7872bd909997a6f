"""Wrong programs and the exact text that their author reads. Nothing but a message may come out of a wrong program."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import checker.matrix.loader
from checker.errors import UserError
from checker.matrix.loader import load_design
from tests.rigs.refusal_of import told, told_by_loader

HERE = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in (HERE / "programs").glob("*.py"))
LOADED = sorted(path.stem for path in (HERE / "loaded").glob("*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    assert told(HERE / "programs" / f"{name}.py") == (HERE / "programs" / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", LOADED)
def test_loaded_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker.matrix.loader, "SECONDS", 0.2)
    assert told_by_loader(HERE / "loaded" / f"{name}.py") == (HERE / "loaded" / f"{name}.txt").read_text()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_every_message_belongs_to_a_program() -> None:
    assert sorted(path.stem for path in (HERE / "programs").glob("*.txt")) == PROGRAMS
    assert sorted(path.stem for path in (HERE / "loaded").glob("*.txt")) == LOADED
    assert len(PROGRAMS) >= 35


@pytest.mark.parametrize("name", PROGRAMS)
def test_message_points_at_the_program(name: str) -> None:
    """Position, source line, caret below it, and (but for a few that say it all) advice."""
    head, source, caret, *advice = (HERE / "programs" / f"{name}.txt").read_text().splitlines()
    file, line, message = head.split(":", 2)
    assert file == f"{name}.py"
    assert (HERE / "programs" / file).read_text().splitlines()[int(line) - 1].strip() == source.strip()
    assert set(caret.strip()) == {"^"}
    assert len(caret) <= len(source)
    assert len(advice) <= 1
    assert not message.endswith(".")


def test_a_patch_may_be_named_like_the_class_it_patches() -> None:
    assert told_by_loader(HERE / "loaded" / "named_like_its_base.py") == ""


def test_no_such_file() -> None:
    with pytest.raises(UserError, match=r"nothing\.py: no such file"):
        load_design("nothing.py")


def test_class_is_chosen_by_name() -> None:
    path = HERE / "loaded" / "two_designs.py"
    assert load_design(f"{path}:Two").__name__ == "Two"
    with pytest.raises(UserError, match="no design class 'Three' in this file"):
        load_design(f"{path}:Three")
