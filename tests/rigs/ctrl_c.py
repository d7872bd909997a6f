"""Ctrl-C, as a terminal sends it."""

from __future__ import annotations

import os
import signal


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
