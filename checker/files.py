"""Files that the user names: what goes wrong with one is said in a sentence with its path, before any work is done for
it, and a file that is written appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from checker.errors import OF_THE_PROCESS, UserError

SAID = {
    errno.ENOENT: "there is no such file or directory",
    errno.EISDIR: "is a directory, a file is needed",
    errno.ENOTDIR: "a part of this path is a file, not a directory",
    errno.EEXIST: "there is a file of this name already",
    errno.EACCES: "permission denied",
    errno.EROFS: "this file system is read-only",
}


LONGEST = 100_000_000  # characters: what is meant has some millions at most


def why(error: OSError | UnicodeError) -> str:
    """What is wrong with a file, without its name: `permission denied`."""
    if isinstance(error, UnicodeError):
        return "is not UTF-8 text"
    return SAID.get(error.errno or 0) or (error.strerror or str(error)).lower()


def sentence(error: OSError) -> str:
    """Of an error that nobody expected: with what file it names, if it names one. One without a number, as of a library that
    does not load, says all itself."""
    if not error.errno:
        return str(error)
    if error.errno == errno.ENOENT and error.filename is None:  # what else is asked for has a name
        return "the directory that you are in is not there any more: `cd` into one that is"
    unnamed = "this process" if error.errno in OF_THE_PROCESS else "output"
    return f"{error.filename if error.filename is not None else unnamed}: {why(error)}"


def read_text(path: Path) -> str:
    """With line feeds. Raises UserError."""
    try:
        return beginning(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {why(error)}") from None


def beginning(path: Path) -> str:
    """The text of a file, which is not read on for ever: /dev/zero has no end. Raises OSError, UnicodeDecodeError, UserError."""
    with path.open(encoding="utf-8") as file:
        text = file.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise UserError(f"{path}: more than {LONGEST:,} characters are not what is read here")
    return text


def listed(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder, in order, one at least. Raises UserError."""
    if not os.access(folder, os.R_OK | os.X_OK):  # it would seem to be empty
        raise UserError(f"{folder}: {SAID[errno.EACCES]}")
    found = sorted(folder.glob(pattern))
    if not found:
        raise UserError(f"{folder}: no {pattern} file in this folder")
    return found


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise UserError about `path` (not about what stands in for it until it is whole) where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {why(error)}") from None


def write_text(path: Path, text: str) -> None:
    """In UTF-8, whole or not at all. Raises UserError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Whole or not at all, and where a symbolic link leads. What is no regular file, as /dev/null, stays
    what it is. Raises UserError."""
    with writing(path):
        real = Path(os.path.realpath(path))
        if real.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if path.exists() and not real.is_file():
            path.write_bytes(content)
            return
        handle, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name[:100]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, real)
        except BaseException:
            os.unlink(temporary)
            raise


def check_file(option: str, path: Path) -> None:
    """Raise UserError unless a file could be written there."""
    kind = _kind(option, path)
    if stat.S_ISDIR(kind):
        raise UserError(f"{option} {path}: {SAID[errno.EISDIR]}")
    folder = (Path(os.path.realpath(path)) if path.is_symlink() else path.absolute()).parent
    if not folder.is_dir():
        raise UserError(f"{option} {path}: there is no directory {folder}")
    if kind and not os.access(path, os.W_OK):
        raise UserError(f"{option} {path}: {SAID[errno.EACCES]}")
    if (not kind or stat.S_ISREG(kind)) and not os.access(folder, os.W_OK):
        raise UserError(f"{option} {path}: permission denied in {folder}")


def _kind(option: str, path: Path) -> int:
    """What there is, or 0."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise UserError(f"{option} {path}: {why(error)}") from None


def check_folder(option: str, path: Path) -> None:
    """Raise UserError unless files could be written there, in a directory that may have to be made first."""
    try:
        there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    except OSError as error:
        raise UserError(f"{option} {path}: {why(error)}") from None
    if not there.is_dir():
        raise UserError(f"{option} {path}: {there} is a file, not a directory")
    if not os.access(there, os.W_OK):
        raise UserError(f"{option} {path}: permission denied in {there}")
