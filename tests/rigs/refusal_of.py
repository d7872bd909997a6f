"""What a user is told about a file."""

from __future__ import annotations

from pathlib import Path

from checker.language.lower import lower
from checker.matrix.loader import load_design
from model.devices import Level
from model.finite import ModelError
from model.guests.linux import Linux
from model.lang import Property, compose
from model.machine import Scope
from model.vmms.qemu import Qemu
from tests.rigs.compare import designs_in, load_module
from tests.rigs.header import Sizes


def told(path: Path) -> str:
    """The message for a toy model; "" if it is accepted."""
    module = load_module(path, f"refused_{path.stem}")
    properties = [p for p in vars(module).values() if isinstance(p, Property)]
    try:
        lower(designs_in(module), Sizes(), properties)
    except ModelError as error:
        return _shortened(error, path)
    return ""


def told_by_loader(path: Path) -> str:
    """The message for a user's file that is given on the command line; "" if it is accepted."""
    try:
        lower(compose(load_design(str(path)), Qemu, Linux, Level), Scope())
    except ModelError as error:
        return _shortened(error, path)
    return ""


def _shortened(error: ModelError, path: Path) -> str:
    return str(error).replace(str(path), path.name) + "\n"
