"""`eoi certify`: is each verdict of a certificate true? certificate/check.py says so, by_case.py with --by-case, or wide_check.py of
sizes, in a process that has nothing else of the checker in it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import zipfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker import files
from checker.certificate import by_case, check, wide_check
from checker.command import exits
from checker.command.exits import Exit
from checker.errors import InternalError, UserError
from checker.progress import Progress
from checker.questions import on_record
from checker.words import screen

ENDING = ".cert"
ACCEPTED = "ACCEPTED: "
SAID = (
    (Exit.FINE, ACCEPTED),
    (Exit.FINE, "ACCEPTED, by cases: "),
    (Exit.FINE, "ACCEPTED IF ITS CIRCUIT IS THE MODEL: "),
    (Exit.WRONG, "REJECTED: "),
    (Exit.OPEN, "SAMPLED, NOT ACCEPTED: "),
    (Exit.OPEN, "SAMPLED, NOT ACCEPTED, by cases: "),
)  # by the checker, first


def run(options: Namespace) -> int:
    """1 if one is rejected, 3 if none is and only a sample was looked at."""
    paths = [path for name in options.files for path in certificates(Path(name))]
    if options.seed is not None and options.sample is None:
        raise UserError("--seed is of a sample: --sample N says how large that is")
    chosen = ["--sample", str(options.sample)] if options.sample is not None else []
    chosen += ["--seed", str(options.seed)] if options.seed is not None else []
    progress, codes = Progress(len(paths), "certificates"), list[int]()
    try:
        for path in paths:
            codes.append(checked(path, options.by_case, chosen, progress))
            progress.finished(0)
    finally:
        progress.close()
    return exits.worst(codes)


def certificates(path: Path) -> list[Path]:
    """That file, or all of a folder. Raises UserError."""
    if path.is_dir():
        return files.listed(path, f"*{ENDING}")
    try:
        with path.open("rb") as file:
            known = zipfile.is_zipfile(file)
    except OSError as error:
        raise UserError(f"{path}: {files.why(error)}") from None
    if not known:
        raise UserError(
            f"{path}: is no certificate, or a damaged one: `eoi prove DESIGN --certificate FILE` writes one"
        )
    return [path]


def checker_of(path: Path, by_cases: bool) -> str:
    """Of what was enumerated, or of sizes that were not. What is neither the first one rejects. Raises UserError if sizes are to be
    checked by cases."""
    try:
        with zipfile.ZipFile(path) as archive:
            of_sizes = json.loads(archive.read("claims.json"))["format"] == wide_check.FORMAT
    except Exception:  # whatever is wrong with it: the first one says so
        of_sizes = False
    if of_sizes and by_cases:
        raise UserError(f"{path}: --by-case is of states that were enumerated, and this is a certificate of sizes")
    return str((wide_check if of_sizes else by_case if by_cases else check).__file__)


def checked(path: Path, by_cases: bool, chosen: Sequence[str], progress: Progress) -> int:
    """Prints what the checker says; returns its exit code. What check.py accepts whole is put on record. Raises InternalError if
    it breaks."""
    content = path.read_bytes()
    command = [sys.executable, "-I", checker_of(path, by_cases), str(path), *chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            said = waited_for(process, path, progress)
        finally:
            process.kill()
    code: int = process.returncode
    if not any(code == of and said.startswith(first) for of, first in SAID):  # a traceback ends with 1, too
        raise InternalError(f"the checker of certificates ended with {code} and said {said[:80]!r}")
    if said.startswith(ACCEPTED) and path.read_bytes() == content:
        on_record.accepted(content)
    width = screen()[0]
    for line in said.splitlines():
        print(textwrap.fill(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))
    return code


def waited_for(process: subprocess.Popen[str], path: Path, progress: Progress) -> str:
    """What it printed."""
    while True:
        try:
            return process.communicate(timeout=0.1)[0]
        except subprocess.TimeoutExpired:
            progress.phase(0, str(path), "running the model in CPython")
            progress.show()
