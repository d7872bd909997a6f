"""Running the C compiler, which is the user's: it may be broken, hang, or find no room. What is wrong with it is told as theirs,
and only what a compiler that works refuses is ours."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from checker.errors import OF_THE_PROCESS, UserError

LONGEST = 900.0  # seconds of one compilation, on a machine that does other things, too
GRACE = 5.0  # seconds for one that runs at Ctrl-C: most are over before
ANSWERS = 60.0  # seconds within which a compiler says its version
PROBE = "#include <stdint.h>\nint32_t eoi_probe(void) { return 0; }\n"
INSTALL = "install gcc or clang, or set CC"
_NO_ROOM = re.compile(
    "No space left on device|File size limit exceeded|File too large|Disk quota exceeded|Too many open files"
)
_NO_MEMORY = re.compile("Killed|virtual memory exhausted|[Oo]ut of memory|Cannot allocate memory")


class NoCompiler(Exception):
    """No C compiler can be run."""


class CompileFailed(Exception):
    """The compiler refused generated or shipped C; the message holds its output."""


class Stopped(Exception):
    """Ctrl-C came, and what was compiled is not waited for."""


_stops: list[threading.Event] = []


@contextlib.contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Meanwhile no compilation of any thread is waited for once this is set."""
    _stops.append(stop)
    try:
        yield
    finally:
        _stops.remove(stop)


def version_of(command: str) -> str:
    """What a compiler says of itself. Raises NoCompiler, UserError."""
    try:
        asked = [*shlex.split(command), "--version"]
        run = subprocess.run(asked, capture_output=True, text=True, errors="replace", check=True, timeout=ANSWERS)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in OF_THE_PROCESS:  # there is one, for all that is known
            raise UserError(f"{command}: cannot be started: {os.strerror(error.errno).lower()}") from error
        raise NoCompiler(f"The search needs a C compiler, and {command!r} cannot be run: {INSTALL}.") from error
    return run.stdout


def compile_into(built: Path, command: str, flags: Sequence[str], source: str) -> None:
    """Raises UserError for a compiler that does not work, MemoryError, CompileFailed, Stopped."""
    if _stopped():
        raise Stopped
    code, said = _run(command, flags, source, built)
    if code == 0:
        return
    where = built.parent.parent
    if not built.parent.is_dir():
        raise UserError(f"{where}: somebody took it away while something was compiled there")
    if full := _NO_ROOM.search(said):
        raise UserError(f"{command}: nothing can be compiled in {where}: {full[0].lower()}")
    failed, why = _run(command, flags, PROBE, built.with_name("probe.so"))
    if failed:
        lines = [line.strip() for line in why.splitlines() if line.strip()] or [f"it ended with {failed}"]
        told = next((line for line in lines if "error" in line), lines[0])
        raise UserError(f"{command}: cannot compile the smallest program here: {told}: {INSTALL}")
    if _NO_MEMORY.search(said):
        raise MemoryError(f"{command}: {said}")
    raise CompileFailed(f"{shlex.join(_line(command, flags, built))}\n{said}")


def _line(command: str, flags: Sequence[str], built: Path) -> list[str]:
    return [*shlex.split(command), "-x", "c", "-", *flags, "-o", str(built)]


def _run(command: str, flags: Sequence[str], source: str, built: Path) -> tuple[int, str]:
    """The exit code, and what was said on standard error."""
    # The text is in a file: communicate() that is given some and times out goes on without it (CPython 3.11), and the compiler
    # would wait for the rest. A session of its own: Ctrl-C ends the search in an orderly way, not the compiler in the middle.
    with _as_file(source, command, built.parent.parent) as text, subprocess.Popen(
        _line(command, flags, built), stdin=text, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, "TMPDIR": str(built.parent)},
    ) as process:  # fmt: skip
        try:
            said = _wait(process, command)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it started
            raise
        return process.returncode, said


def _stopped() -> bool:
    return any(stop.is_set() for stop in _stops)


def _as_file(text: str, command: str, where: Path) -> IO[bytes]:
    """To be read from its start; in memory where there is such a file."""
    file = os.fdopen(os.memfd_create("text"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()  # noqa: SIM115
    try:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.seek(0)
    except OSError as error:
        with contextlib.suppress(OSError):
            file.close()
        why = (error.strerror or str(error)).lower()
        raise UserError(f"{command}: nothing can be compiled in {where}: {why}") from error
    return file


def _wait(process: subprocess.Popen[bytes], command: str) -> str:
    until = time.monotonic() + LONGEST
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=0.1)[1].decode(errors="replace")
        now, stopped = time.monotonic(), _stopped()
        if now >= until and stopped:
            raise Stopped
        if now >= until:
            raise UserError(f"{command}: has not compiled in {LONGEST:g} s what takes seconds: {INSTALL}")
        if stopped:
            until = min(until, now + GRACE)
