"""What one command found out of a cell, another need not find out again.

An answer is kept beside the programs (checker/engine/kept.py) under a name that hashes what it depends on: every source
file of the model, the properties and the checker, the classes and files that the system is made of, sizes, choices, the
properties in their order, and the engine. Only whole answers are kept, and none is taken where somebody asks what a limit
allows. EOI_ANEW=1 finds out everything again, and keeps nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checker.engine.build import cache_dir
from checker.engine.kept import name_of, read, write
from checker.engine.native import Outcome
from checker.matrix.cells import Cell
from checker.questions.verdict import CellResult, asked_of
from model.lang import Property

CELL = "cell"  # stands for the cell that is asked; a property stands as its number among the wanted ones


def answered(cell: Cell, wanted: Sequence[Property], engine: str, find_out: Callable[[], CellResult]) -> CellResult:
    """The answer of an earlier command, or what find_out says, which is kept if it is whole."""
    path = path_of(cell, wanted, engine)
    found = load(path, cell, wanted) if path is not None else None
    if found is not None:
        return found
    result = find_out()
    if path is not None and result.outcome is Outcome.COMPLETE:
        save(path, result, wanted)
    return result


def path_of(cell: Cell, wanted: Sequence[Property], engine: str) -> Path | None:
    """Where the answer is kept; None if it is not to be kept."""
    if os.environ.get("EOI_ANEW"):
        return None
    program = name_of(cell.system, cell.scope, asked_of(cell, wanted))
    names = [(p.function.__module__, p.function.__qualname__, str(p.kind), p.name) for p in wanted]
    if program is None:
        return None
    choices = [(name, str(value)) for name, value in cell.scope.choices().items()]
    asked = program, choices, names, engine, os.environ.get("CC"), os.environ.get("EOI_PORTABLE")
    return cache_dir() / f"{hashlib.sha256(repr(asked).encode()).hexdigest()}.answer"


def save(path: Path, result: CellResult, wanted: Sequence[Property]) -> None:
    """Keep an answer, if all that it names can be found again by its name."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.numbers = {id(p): number for number, p in enumerate(wanted)}
    pickler.cell = result.cell
    try:
        pickler.dump(result)
    except (pickle.PicklingError, AttributeError):  # a class that no module has by its name
        return
    write(path, buffer.getvalue())


def load(path: Path, cell: Cell, wanted: Sequence[Property]) -> CellResult | None:
    """The answer as kept, of this cell."""
    content = read(path)
    if content is None:
        return None
    unpickler = _Unpickler(io.BytesIO(content))
    unpickler.cell, unpickler.wanted = cell, wanted
    found: CellResult = unpickler.load()
    return replace(found, kept=True)


class _Pickler(pickle.Pickler):
    numbers: dict[int, int]
    cell: Cell

    def persistent_id(self, obj: Any) -> str | int | None:
        return CELL if obj is self.cell else self.numbers.get(id(obj))


class _Unpickler(pickle.Unpickler):
    cell: Cell
    wanted: Sequence[Property]

    def persistent_load(self, pid: Any) -> Cell | Property:
        return self.cell if pid == CELL else self.wanted[pid]
