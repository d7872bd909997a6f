"""Ctrl-C: what was found until then is kept and told, and the rest is INCONCLUSIVE."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Cut:
    """short: Ctrl-C came."""

    def __init__(self) -> None:
        self.short = False


@contextlib.contextmanager
def until_ctrl_c() -> Iterator[Cut]:
    """The block ends at Ctrl-C, which goes no further."""
    cut = Cut()
    try:
        yield cut
    except KeyboardInterrupt:
        cut.short = True


@contextlib.contextmanager
def ctrl_c_sets(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C, once or again, asks the searches of other threads to stop, and is never an exception that loses what was
    found."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # only the main thread gets signals; and who ignores them goes on ignoring them
        return

    def heard(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # setting an event is not reentrant
        stop.set()

    signal.signal(signal.SIGINT, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def nothing_to_keep() -> Iterator[None]:
    """While code is loaded Ctrl-C ends the process without a word."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def left_to_the_parent() -> None:
    """What a process that works for another one begins with."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
