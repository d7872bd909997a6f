"""How far a reader follows a value from the command line to what explores: through which files it is handed, in order. Each
change of the file is one more to open; a bound that is exceeded says that a value goes back and forth again."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import checker
from checker.command import cli, explore
from checker.questions.campaign import Campaign
from tests.command.test_not_looked_at import PATCH

ROOT = Path(checker.__file__).resolve().parents[1]
AROUND = ("--vmm", "qemu", "--guest", "windows_cg")
SCOPE, PROPERTY = "ioapic=0x11,cpus=1,pins=1", "no_eoi_lost"
HOLDS = '''from model.lang import always
from model.machine import Machine

@always()
def pins_are_there(s: Machine) -> bool:
    """There is a pin."""
    return s.scope.pins > 0
'''
MADE_OF_IT = ("Namespace", "Selection", "Source", "UserFile")  # what it is part of from somewhere on


@contextmanager
def followed(values: Collection[str], types: Collection[str]) -> Iterator[list[str]]:
    """The files of checker/ whose functions are called with one of these values, or with something of these types."""
    found = list[str]()

    def is_it(value: object) -> bool:
        if type(value) in (list, tuple):
            return any(is_it(item) for item in value)  # type: ignore[attr-defined]
        return type(value).__name__ in types or (isinstance(value, str | Path) and str(value) in values)

    def note(frame: FrameType, event: str, _: object) -> None:
        code, file = frame.f_code, frame.f_code.co_filename
        if event == "call" and file.startswith(f"{ROOT}/checker/") and code.co_name[0] not in "<":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            if any(is_it(frame.f_locals.get(name)) for name in names):
                found.append(str(Path(file).relative_to(ROOT / "checker")))

    for begin in (threading.setprofile, sys.setprofile):
        begin(note)
    try:
        yield found
    finally:
        for end in (threading.setprofile, sys.setprofile):
            end(None)


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`eoi prove mine.py` up to the cells, which are not explored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explore, "run_campaign", lambda cells, *rest, **more: Campaign((), tuple(cells)))
    Path("mine.py").write_text(PATCH)

    def run(values: Collection[str], types: Collection[str], *words: str) -> list[str]:
        command: Any = ["prove", "--absolute", "mine.py", *AROUND, "--scope", SCOPE, *words]
        cli.main([*command, "--json"])  # what is imported for the first time is not on the way
        Path("mine.py").write_text(f"# {tmp_path}\n{PATCH}")  # which nobody has parsed yet
        with followed(values, types) as found:
            cli.main([*command, "--json"])
        return [file for file, _ in itertools.groupby(found)]

    return run


def test_a_file_of_the_user_s(walk) -> None:
    found = walk(["mine.py"], ["Source", "UserFile"])
    # two of them in which functions it changes, for what the answer is worth; five in what it newly reads that no cell varies
    assert len(found) <= 20, "\n".join(found)


def test_the_options(walk) -> None:
    values = ["mine.py", "qemu", "windows_cg", SCOPE, PROPERTY]
    found = walk(values, MADE_OF_IT, "--property", PROPERTY)
    # five in what gives the answer in the form that is asked for, two in what it is worth, four in what no cell varies
    assert len(found) <= 34, "\n".join(found)


@pytest.mark.parametrize(
    ("values", "types", "words", "most"),
    [([SCOPE], ["Scope"], ["--property", PROPERTY], 11), ([], ["Property"], ["--property", "prop.py"], 10)],
    ids=["scope", "property"],
)
def test_to_what_explores(
    values: list[str], types: list[str], words: list[str], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that an earlier command answered is taken; the programs are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EOI_ANEW", "1")
    Path("prop.py").write_text(HOLDS)
    command = ["prove", "--absolute", "base", *AROUND, "--scope", SCOPE, *words]
    cli.main(command)
    with followed(values, types) as found:
        assert cli.main(command) == 0
    files = [file for file, _ in itertools.groupby(found)]
    assert "engine/prepare.py" in files
    assert len(files) <= most, "\n".join(files)
