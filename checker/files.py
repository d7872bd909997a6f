"""Files that the user names: what goes wrong with one is said in a sentence with its path, before any work is done for
it, and a file that is written appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from checker.errors import UserError

SAID = {
    errno.ENOENT: "there is no such file or directory",
    errno.EISDIR: "is a directory, a file is needed",
    errno.ENOTDIR: "a part of this path is a file, not a directory",
    errno.EEXIST: "there is a file of this name already",
    errno.EACCES: "permission denied",
}


OF_THE_PROCESS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)  # of no file of its own


def why(error: OSError | UnicodeError) -> str:
    """What is wrong with a file, without its name: `permission denied`."""
    if isinstance(error, UnicodeError):
        return "is not UTF-8 text"
    return SAID.get(error.errno or 0) or (error.strerror or str(error)).lower()


def sentence(error: OSError) -> str:
    """Of an error that nobody expected: with what file it names, if it names one."""
    unnamed = "this process" if error.errno in OF_THE_PROCESS else "output"
    return f"{error.filename if error.filename is not None else unnamed}: {why(error)}"


def read_text(path: Path) -> str:
    """With line feeds. Raises UserError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {why(error)}") from None


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
    """Whole or not at all. Raises UserError."""
    with writing(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def check_file(option: str, path: Path) -> None:
    """Raise UserError unless a file could be written there."""
    if path.is_dir():
        raise UserError(f"{option} {path}: {SAID[errno.EISDIR]}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"{option} {path}: there is no directory {folder}")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{option} {path}: permission denied in {folder}")


def check_folder(option: str, path: Path) -> None:
    """Raise UserError unless files could be written there, in a directory that may have to be made first."""
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise UserError(f"{option} {path}: {there} is a file, not a directory")
    if not os.access(there, os.W_OK):
        raise UserError(f"{option} {path}: permission denied in {there}")
