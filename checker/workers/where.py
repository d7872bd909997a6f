"""Who works: this process by its threads, processes that it forks, or a cluster. How one says it; crew.py has them."""

from __future__ import annotations

import difflib

from checker.errors import UserError

HERE, PROCESSES, RAY = "here", "processes", "ray"
KINDS = (HERE, PROCESSES, RAY)


def checked(text: str) -> str:
    """Raises UserError."""
    kind, colon, address = text.partition(":")
    if kind not in KINDS or (colon and (kind != RAY or not address)):
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.5)
        meant = f": did you mean {near[0]!r}?" if near else ""
        raise UserError(f"{text!r}: here, processes, ray or ray:ADDRESS is needed{meant}")
    return text
