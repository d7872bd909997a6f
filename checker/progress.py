"""Progress on anything that takes longer than two seconds: one live line on a terminal, else a line every 30 s."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from checker.engine.native import Stats
from checker.estimate import duration, in_all

if TYPE_CHECKING:
    from rich.live import Live

QUIET_SECONDS = 2.0
PIPED_SECONDS = 30.0


class Progress:
    """Collects the searches that run at the moment; the main thread calls `show` about ten times a second. since: from when on
    somebody waits, if this goes on with what was done before."""

    def __init__(self, total: int, what: str = "cells", since: float | None = None) -> None:
        self.total, self.done, self.what = total, 0, what
        self.last_line = time.monotonic()
        self.started = self.last_line if since is None else since
        self.running: dict[int, tuple[str, Stats | str]] = {}
        self.began = dict[tuple[int, str], float]()  # each search
        self.lock = threading.Lock()
        self.live = LiveLine() if sys.stderr.isatty() else None

    def watch(self, number: int, title: str, stats: Stats) -> None:
        """Called by a search's thread every ~50 ms."""
        with self.lock:
            self.running[number] = (title, stats)
            self.began.setdefault((number, title), time.monotonic())

    def phase(self, number: int, title: str, text: str) -> None:
        """What is done now that the search is over: `no_storm: searching 3,000,000 states for a fair loop`."""
        with self.lock:
            self.running[number] = (title, text)

    def of(self, title: str) -> Callable[[Stats], None]:
        """What a search of the main thread, one after the other, reports to: it shows the line, too."""

        def watch(stats: Stats) -> None:
            self.watch(0, title, stats)
            self.show()

        return watch

    def finished(self, number: int) -> None:
        with self.lock:
            self.running.pop(number, None)
            self.done += 1

    def line(self) -> str:
        """E.g. `3/12 cells; qemu 0x20, any, level: 1,200,000 states, 2.1 M/s, depth 31, 40 MB`."""
        now = time.monotonic()
        with self.lock:
            since = {
                n: max(now - self.began.get((n, title), self.started), 1e-9) for n, (title, _) in self.running.items()
            }
            parts = [f"{title}: {_text(stats, since[n])}" for n, (title, stats) in self.running.items()]
            return "; ".join([f"{self.done}/{self.total} {self.what}", *parts])

    def show(self) -> None:
        now = time.monotonic()
        if now - self.started < QUIET_SECONDS:
            return
        if self.live is not None:
            with contextlib.suppress(Exception):  # a terminal, or what draws on it, that is broken costs no answer
                self.live.update(self.line())
        elif now - self.last_line >= PIPED_SECONDS:
            print(self.line(), file=sys.stderr, flush=True)
            self.last_line = now

    def close(self) -> None:
        if self.live is not None:
            self.live.close()


class LiveLine:
    """One line of a terminal that is overwritten. What draws it is loaded with the first that is shown: most runs are over
    before."""

    def __init__(self) -> None:
        self._live: Live | None = None

    def update(self, line: str) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(Text(line, overflow="ellipsis", no_wrap=True), refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()


def _text(now: Stats | str, seconds: float) -> str:
    """How far a search is after so many seconds of its own; or the phase after it, which says it itself."""
    if isinstance(now, str):
        return now
    rate = f"{(now.states - now.found_before[0]) / seconds / 1e6:.2f} M/s"
    far = f"{now.states:,} state{'s' * (now.states != 1)}, {rate}, depth {now.depth}, {now.bytes / 1e6:.0f} MB"
    far += f" and {now.disk_bytes / 1e6:,.0f} MB on disk" * bool(now.disk_bytes)
    return far + _left(now, seconds)


def _left(now: Stats, seconds: float) -> str:
    """What there may be in all, where the levels' growth says something; else what is open for certain."""
    total = in_all(now.level_ends)
    done = now.expanded - now.found_before[1]
    if total is not None and total > now.states and done:
        return f", perhaps {total:,} or more in all: {duration((total - now.expanded) * seconds / done)} more"
    return f", {now.states - now.expanded:,} of them still open" * (now.expanded < now.states)
