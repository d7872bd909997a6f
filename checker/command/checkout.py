"""An installed `eoi` runs the code and the model of the checkout that it was installed from, wherever it is called. Who
calls it in another checkout may believe that it judges the model there."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import checker
import model
from checker.errors import UserError

JUDGES_WHAT_IS_HERE = ("gate", "conform")  # would set this checkout's files beside the other one's model


def check(command: str) -> None:
    """Raise UserError, or warn on standard error, if the current directory is in a checkout whose code does not run, or the
    script that was called is: in a copy of a checkout it still starts the code that was copied."""
    here, script = around_current_directory(), around_script()
    runs = Path(checker.__file__).resolve().parents[1]
    if here is not None and not _runs(here):
        which, advice = f"{here} that you are in", f"{_set_up(here, anew=here == script)}, or `cd` out of it"
    elif script is not None and not _runs(script):
        which, advice = f"{script} whose {Path(sys.argv[0]).name} you called", _set_up(script, anew=True)
    else:
        return
    what = f"the code and the model that run are those of {runs}, not of the checkout {which}: {advice}"
    if command in JUDGES_WHAT_IS_HERE:
        raise UserError(f"{command}: {what}")
    print(f"eoi: warning: {what}", file=sys.stderr)


def _set_up(folder: Path, *, anew: bool) -> str:
    """anew: its .venv says where it was copied from."""
    return f"run `cd {shlex.quote(str(folder))} && {'rm -r .venv && ' * anew}make setup && . .venv/bin/activate`"


def around_script() -> Path | None:
    """The checkout whose .venv has the `eoi` that was called; nobody's, where PYTHONPATH says which code is meant."""
    called = Path(sys.argv[0])
    if called.name != "eoi" or os.environ.get("PYTHONPATH"):
        return None
    try:
        return _around(called.absolute().parent)
    except FileNotFoundError:  # from a directory that was removed
        return None


def around_current_directory() -> Path | None:
    """The nearest checkout that the current directory is in."""
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None
    return _around(current)


def _around(place: Path) -> Path | None:
    return next((folder for folder in (place, *place.parents) if _is_checkout(folder)), None)


def _is_checkout(folder: Path) -> bool:
    return all(os.path.isfile(folder / part) for part in ("checker/command/cli.py", "model/machine.py"))


def _runs(folder: Path) -> bool:
    """Are its packages the ones that are imported? Asked of the directories themselves, which symbolic links and other
    names of one place lead to, and which are never shared by hard links as the files of a copy may be."""
    imported = (
        (name, Path(package.__file__ or "").parent) for name, package in (("checker", checker), ("model", model))
    )
    return all(os.path.samefile(folder / name, runs) for name, runs in imported)
