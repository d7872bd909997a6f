"""Running `eoi` inside the test process."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from checker.command.cli import main
from checker.matrix.cells import Cell
from checker.questions import campaign, compat, recheck
from checker.questions.verdict import CellResult, check_cell
from tests.rigs.ctrl_c import ctrl_c


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def few_states_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at 1,000 states of each cell in CPython is for users, and for tests/unit/test_recheck.py; so are six steps in
    z3, a quarter of a second for each program."""
    monkeypatch.setattr(recheck, "ALL_TOGETHER", recheck.LEAST)
    for name, few in (("INSTANCES", 1), ("STATES", 8), ("LOOKED_THROUGH", 200)):
        monkeypatch.setattr(f"checker.questions.relation.{name}", few)


@pytest.fixture(autouse=True)
def wide_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """All groups of a small matrix are shown whole; what a screen of 24 x 80 shows is in test_first_screen.py."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("LINES", "200")


@pytest.fixture
def eoi(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """eoi("prove", "base", ...) -> exit code and output. argparse's own exit counts as an exit code."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def one_cell_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review asks each claim of properties/compat.py in some cells: five seconds, where the claims are not what is looked at."""
    pairs = compat.pairs
    monkeypatch.setattr(compat, "pairs", lambda *asked: itertools.islice(pairs(*asked), 1))


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """The tests may be a shell's background job, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ctrl_c_after_answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType, int], None]:
    """(a question's module, n): Ctrl-C comes instead of what its compare() would say after n answers."""

    def begin(question: ModuleType, finished: int) -> None:
        compare, asked = question.compare, list[object]()

        def answer(*rest: Any) -> Any:
            asked.append(rest)
            if len(asked) > finished:
                raise KeyboardInterrupt
            return compare(*rest)

        monkeypatch.setattr(question, "compare", answer)

    return begin


@pytest.fixture
def after_one_cell(hears_ctrl_c: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes when the first cell is finished, and another one is begun and not finished."""
    first, another = threading.Lock(), threading.Event()

    def checked(cell: Cell, *rest: Any, stop: threading.Event, **options: Any) -> CellResult:
        if first.acquire(blocking=False):
            result = check_cell(cell, *rest, stop=stop, **options)
            assert another.wait(60)
            ctrl_c()
            return result
        another.set()
        assert stop.wait(60)
        return check_cell(cell, *rest, stop=stop, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    monkeypatch.setattr(campaign.os, "cpu_count", lambda: 2)
