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
    """Raise UserError, or warn on standard error, if the current directory is in a checkout whose code does not run."""
    here = around_current_directory()
    if here is None or _runs(here):
        return
    runs = Path(checker.__file__).resolve().parents[1]
    what = f"the code and the model that run are those of {runs}, not of the checkout {here} that you are in"
    advice = f"run `cd {shlex.quote(str(here))} && make setup && . .venv/bin/activate`, or `cd` out of it"
    if command in JUDGES_WHAT_IS_HERE:
        raise UserError(f"{command}: {what}: {advice}")
    print(f"eoi: warning: {what}: {advice}", file=sys.stderr)


def around_current_directory() -> Path | None:
    """The nearest checkout that the current directory is in."""
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None
    return next((folder for folder in (current, *current.parents) if _is_checkout(folder)), None)


def _is_checkout(folder: Path) -> bool:
    return all(os.path.isfile(folder / part) for part in ("checker/command/cli.py", "model/machine.py"))


def _runs(folder: Path) -> bool:
    """Are its packages the ones that are imported? Asked of the directories themselves, which symbolic links and other
    names of one place lead to, and which are never shared by hard links as the files of a copy may be."""
    imported = (
        (name, Path(package.__file__ or "").parent) for name, package in (("checker", checker), ("model", model))
    )
    return all(os.path.samefile(folder / name, runs) for name, runs in imported)
