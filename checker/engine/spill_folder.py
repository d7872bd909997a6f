"""Where a search puts what memory has no room for (spill.h), and how much it may put there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from checker.engine.cache_folder import cache_dir, why_not_writable
from checker.errors import UserError

VARIABLE = "EOI_SPILL"
SHARE = 0.6  # of what is free, as of memory


def spill_folder() -> Path:
    """$EOI_SPILL, else the folder of what is kept. Raises UserError if nothing can be written there."""
    chosen = os.environ.get(VARIABLE, "")
    if not chosen:
        return cache_dir()
    if why := why_not_writable(Path(chosen)):
        raise UserError(f"{VARIABLE}={chosen}: nothing can be kept there: {why}")
    return Path(chosen)


def default_disk() -> int:
    """Bytes that all searches together may put there unless told otherwise."""
    return int(shutil.disk_usage(spill_folder()).free * SHARE)
