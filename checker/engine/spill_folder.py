"""Where a search puts what memory has no room for (spill.h), and how much it may put there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from checker.engine.cache_folder import cache_dir, why_not_writable
from checker.errors import UserError

VARIABLE = "EOI_SPILL"
MOUNTS = Path("/proc/self/mountinfo")
SHARE = 0.6  # of what is free, as of memory


def spill_folder() -> Path:
    """$EOI_SPILL, else the folder of what is kept. Raises UserError if nothing can be written there."""
    chosen = os.environ.get(VARIABLE, "")
    if not chosen:
        return cache_dir()
    if why := why_not_writable(Path(chosen)):
        raise UserError(f"{VARIABLE}={chosen}: nothing can be kept there: {why}")
    if _is_memory(Path(chosen)):
        raise UserError(f"{VARIABLE}={chosen}: what lies there lies in memory (tmpfs): name a folder on a disk")
    return Path(chosen)


def _is_memory(folder: Path) -> bool:
    """As /proc/self/mountinfo has it (proc(5)), by the number of the device; where there is no such file nobody knows."""
    try:
        mounts = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return False
    device = os.stat(folder).st_dev
    here = f"{os.major(device)}:{os.minor(device)}"
    return any(line.split()[2] == here and line.partition(" - ")[2].startswith("tmpfs ") for line in mounts)


def default_disk() -> int:
    """Bytes that all searches together may put there unless told otherwise."""
    return int(shutil.disk_usage(spill_folder()).free * SHARE)
