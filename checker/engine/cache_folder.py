"""Where compiled code and answers are kept between commands: nobody has to have a home, and no disk has to have room."""

from __future__ import annotations

import functools
import os
import pwd
import stat
import sys
import tempfile
from pathlib import Path

from checker.errors import UserError

PROBE = bytes(1 << 18)  # about four libraries: a full disk often has room for a small file
ANOTHER = "EOI_CACHE names another folder"


def cache_dir() -> Path:
    """$EOI_CACHE, else eoiproof under $XDG_CACHE_HOME or ~/.cache, else, if nothing can be written there, in the folder for
    temporary files, which is said. Raises UserError if nothing can be written there either."""
    return _usable(os.environ.get("EOI_CACHE", ""), os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", ""))


@functools.cache
def _usable(chosen: str, caches: str, home: str) -> Path:
    """home: as the shell says it; another one is another question. A home that is none, or depends on where one is, is
    not asked: `HOME= eoi` would mean the root of all files."""
    usual = Path(caches) if os.path.isabs(caches) else _home(home) / ".cache"
    folder = Path(chosen) if chosen else usual / "eoiproof"
    wrong = why_not_writable(folder)
    if not wrong:
        return folder
    if chosen:
        raise UserError(f"EOI_CACHE={chosen}: nothing can be kept there: {wrong}")
    try:
        other = Path(tempfile.gettempdir()) / f"eoiproof-{os.getuid()}"
        also_wrong = why_not_writable(other) or _not_ours(other)
    except FileNotFoundError:
        other, also_wrong = Path("/tmp"), "nor in any other folder for temporary files"
    if also_wrong:
        raise UserError(f"nothing can be kept in {folder} ({wrong}), nor in {other} ({also_wrong}): {ANOTHER}")
    print(f"eoiproof: {folder}: {wrong}; what is compiled is kept in {other} ({ANOTHER})", file=sys.stderr, flush=True)
    os.environ["EOI_CACHE"] = str(other)  # of the processes that this one starts, too
    return other


def _home(said: str) -> Path:
    if os.path.isabs(said):
        return Path(said)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a user of whom the machine knows nothing
        return Path("/nonexistent")


def why_not_writable(folder: Path) -> str:
    """Why nothing can be kept there, or ""."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(PROBE)
    except OSError as error:
        return "it is no directory" if isinstance(error, FileExistsError) else (error.strerror or str(error)).lower()
    return ""


def _not_ours(folder: Path) -> str:
    """Everybody writes where temporary files are: what somebody else could have put there is not loaded."""
    found = folder.lstat()
    return (
        ""
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
        else "it is not ours alone"
    )
