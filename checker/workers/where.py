"""Who works: this process by its threads, processes that it forks, or a cluster."""

from __future__ import annotations

import difflib
import importlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from checker.errors import UserError

if TYPE_CHECKING:  # who mistypes an option need not load what works
    from checker.workers.workers import Worker

HERE, PROCESSES, RAY = "here", "processes", "ray"
KINDS = (HERE, PROCESSES, RAY)
MODULES = {PROCESSES: "checker.workers.processes", RAY: "checker.workers.on_ray"}  # loaded only where they are asked


def checked(text: str) -> str:
    """Raises UserError."""
    kind, colon, address = text.partition(":")
    if kind not in KINDS or (colon and (kind != RAY or not address)):
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.5)
        meant = f": did you mean {near[0]!r}?" if near else ""
        raise UserError(f"{text!r}: here, processes, ray or ray:ADDRESS is needed{meant}")
    return text


def crew(on: str, state: object, stop: threading.Event) -> tuple[Callable[[], Worker], int]:
    """Who begins a worker, and for how many there is room. on: checked, and not here; "": processes. Raises UserError."""
    kind, _, address = (on or PROCESSES).partition(":")
    found: tuple[Callable[[], Worker], int] = importlib.import_module(MODULES[kind]).crew(state, stop, address)
    return found
