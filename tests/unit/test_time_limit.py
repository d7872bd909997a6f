"""The alarm for a file that is not read to its end rings again where Python swallowed what it raised."""

from __future__ import annotations

import signal
import time

import pytest

from checker.matrix import loader
from checker.matrix.python_said import TooLong


class Slow:
    """Python swallows what is raised in __del__, and says so on stderr."""

    def __del__(self) -> None:
        busy(0.3)


def busy(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_is_swallowed_rings_again(monkeypatch):
    monkeypatch.setattr(loader, "SECONDS", 0.1)
    before, swallowed = signal.getsignal(signal.SIGALRM), list[str]()

    def read() -> None:
        with loader._time_limit():
            one = Slow()
            del one
            swallowed.append("it goes on")
            busy(5.0)

    with pytest.raises(TooLong):
        read()
    assert swallowed
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and signal.getsignal(signal.SIGALRM) is before
