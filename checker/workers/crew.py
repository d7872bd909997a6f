"""Workers by where they are."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable

from checker.workers.where import PROCESSES, RAY
from checker.workers.workers import Worker

MODULES = {PROCESSES: "checker.workers.processes", RAY: "checker.workers.on_ray"}  # loaded only where they are asked


def crew(on: str, state: object, stop: threading.Event) -> tuple[Callable[[], Worker], int]:
    """Who begins a worker, and for how many there is room. on: checked, and not here; "": processes. Raises UserError."""
    kind, _, address = (on or PROCESSES).partition(":")
    found: tuple[Callable[[], Worker], int] = importlib.import_module(MODULES[kind]).crew(state, stop, address)
    return found
