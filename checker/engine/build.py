"""Build C code once and load it.

Compiled libraries live in a cache directory under a name that hashes source, compiler version and flags.
Each file ends in the SHA-256 of what precedes it, so a truncated or damaged file is never loaded; and each library says
its name, so that one which lies where another one should be is never taken for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from checker.engine.cache_folder import cache_dir
from checker.engine.compiling import INSTALL, CompileFailed, NoCompiler, compile_into, version_of
from checker.errors import InternalError, UserError

__all__ = ["CompileFailed", "NoCompiler", "cores", "compile_c", "compiler", "compiler_said", "is_whole", "library_path",
           "load_c", "load_named", "made_by"]  # fmt: skip
NAME = "eoi_name"  # the symbol that says what a library was made for


def cores() -> int:
    """How many compilers run side by side."""
    return max(1, os.cpu_count() or 1)


def compiler() -> str:
    """The command that compiles."""
    return os.environ.get("CC") or "cc"


def compiler_said() -> str:
    """Which compiler it is, by its own words; "" if none can be run: what is explored then, CPython explores."""
    try:
        return _compiler_version(compiler())
    except NoCompiler:
        return ""


@functools.cache
def _compiler_version(command: str) -> str:
    return version_of(command)


def is_whole(path: Path) -> bool:
    """Is a file of the cache what was written there?"""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return len(content) > 32 and hashlib.sha256(content[:-32]).digest() == content[-32:]


def _build(command: str, flags: Sequence[str], source: str, path: Path) -> None:
    """Compile next to `path` and rename, so that readers see the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=path.parent) as folder:
        built = Path(folder) / "library.so"
        compile_into(built, command, flags, source)
        content = built.read_bytes() if built.is_file() else b""
        if path.stem.encode() not in content:
            raise UserError(f"{command}: is no C compiler: what it wrote has nothing of what it was given; {INSTALL}")
        with built.open("ab") as file:
            file.write(hashlib.sha256(content).digest())
        os.replace(built, path)


def compile_c(source: str, extra_flags: Sequence[str] = ("-O1",)) -> Path:
    """Path of the shared library for `source`, built unless a whole one is cached.

    Raises NoCompiler or CompileFailed, and UserError, MemoryError or Stopped as compile_into does.
    """
    path = library_path(source, extra_flags)
    if not is_whole(path):
        with _alone(path):
            if not is_whole(path):
                _build(compiler(), _flags(extra_flags), f'{source}\nconst char {NAME}[] = "{path.stem}";\n', path)
    return path


def library_path(source: str, extra_flags: Sequence[str] = ("-O1",)) -> Path:
    """Where the shared library for `source` is or would be. Raises NoCompiler."""
    command = compiler()
    parts = [NAME, source, command, _compiler_version(command), platform.machine(), *_flags(extra_flags)]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return cache_dir() / f"{name}.so"


def made_by() -> str:
    """A hash of what makes a library of a source: the compiler, by its own words, and how it is called. "" if none can be run."""
    try:
        return library_path("").stem
    except NoCompiler:
        return ""


def _flags(extra: Sequence[str]) -> list[str]:
    """The process that loads a library has the C library already; to link it again takes a tenth of a compilation. No
    warning: `CC='cc -Werror'` is for the user's own C."""
    return ["-std=gnu11", "-shared", "-fPIC", "-nostdlib", "-w", *extra, "-lgcc"]


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Who wants the same library meanwhile, another thread or process, waits for it instead of compiling it, too."""
    lock = path.with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def load_c(source: str, extra_flags: Sequence[str] = ("-O1",)) -> ctypes.CDLL:
    """Compile and load; a cached library that does not load is built once more.

    Raises what compile_c does, InternalError, or UserError if a fresh library does not load either.
    """
    path = compile_c(source, extra_flags)
    try:
        return load_named(path)
    except OSError:
        path.unlink(missing_ok=True)
    path = compile_c(source, extra_flags)
    try:
        return load_named(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UserError(f"{compiler()}: this Python cannot load what it compiles: {error}") from None


def load_named(path: Path) -> ctypes.CDLL:
    """Load a library of the cache. Raises OSError, InternalError if it was made for something else than its file's name
    says."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        no_code = "; no code may run from there (noexec): EOI_CACHE names another folder" * (
            "map segment" in str(error)
        )
        raise OSError(f"{error}{no_code}") from None
    try:
        made_for = (ctypes.c_char * (len(path.stem) + 1)).in_dll(library, NAME).value.decode(errors="replace")
    except ValueError:
        made_for = ""
    if made_for != path.stem:
        raise InternalError(f"{path} was made for {made_for or 'nobody knows what'}: remove it, and it is built anew")
    return library
