"""Progress on anything that takes longer than two seconds: one live line on a terminal, else a line every 30 s."""

from __future__ import annotations

import sys
import threading
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from checker.engine.native import Stats

QUIET_SECONDS = 2.0
PIPED_SECONDS = 30.0


class Progress:
    """Collects the searches that run at the moment; the main thread calls `show` about ten times a second."""

    def __init__(self, total: int, what: str = "cells") -> None:
        self.total, self.done, self.what = total, 0, what
        self.started = time.monotonic()
        self.last_line = self.started
        self.running: dict[int, tuple[str, Stats]] = {}
        self.lock = threading.Lock()
        console = Console(stderr=True)
        self.live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self.live_started = False

    def watch(self, number: int, title: str, stats: Stats) -> None:
        """Called by a search's thread every ~50 ms."""
        with self.lock:
            self.running[number] = (title, stats)

    def finished(self, number: int) -> None:
        with self.lock:
            self.running.pop(number, None)
            self.done += 1

    def line(self) -> str:
        """E.g. `3/12 cells; qemu 0x20, any, level: 1,200,000 states, 2.1 M/s, depth 31, 40 MB`."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        with self.lock:
            parts = [
                f"{title}: {s.states:,} states, {s.states / seconds / 1e6:.2f} M/s, depth {s.depth}, {s.bytes / 1e6:.0f} MB"
                for title, s in self.running.values()
            ]
            return "; ".join([f"{self.done}/{self.total} {self.what}", *parts])

    def show(self) -> None:
        now = time.monotonic()
        if now - self.started < QUIET_SECONDS:
            return
        if self.live is not None:
            if not self.live_started:
                self.live.start()
                self.live_started = True
            self.live.update(Text(self.line(), overflow="ellipsis", no_wrap=True), refresh=True)
        elif now - self.last_line >= PIPED_SECONDS:
            print(self.line(), file=sys.stderr, flush=True)
            self.last_line = now

    def close(self) -> None:
        if self.live is not None and self.live_started:
            self.live.stop()
