"""What one command found out of a cell, another need not find out again.

An answer is kept beside the programs (checker/engine/kept.py) under a name that hashes what it depends on: every source
file of the checker, and of the model and the properties those that have a say (checker/engine/sources.py), the classes and
files that the system is made of, sizes, choices, the properties in their order, the engine and the compiler. Only whole answers are kept, and none is taken where somebody asks what a limit
allows. EOI_ANEW=1 finds out everything again, and keeps nothing; no more does recheck.py.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from checker.engine.build import compiler, compiler_said
from checker.engine.cache_folder import cache_dir
from checker.engine.kept import name_of, packed, read, unpacked, write
from checker.engine.native import Outcome
from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions.verdict import CellResult, asked_of
from model.lang import Property

CELL = "cell"  # stands for the cell that is asked; a property stands as its number among the wanted ones


def answered(
    cell: Cell, wanted: Sequence[Property], engine: str, find_out: Callable[[], CellResult], again: int = 0
) -> CellResult:
    """The answer of an earlier command, or what find_out says, which is kept if it is whole. again: of how many states the
    answer has to have been looked at again, or of all (recheck.py)."""
    return known(cell, wanted, engine, again) or found_out(cell, wanted, engine, find_out)


def known(cell: Cell, wanted: Sequence[Property], engine: str, again: int = 0) -> CellResult | None:
    """The answer of an earlier command."""
    path = path_of(cell, wanted, engine)
    found = (load(path, cell, wanted) or part_of_all(cell, wanted, engine)) if path is not None else None
    return found if found is not None and found.again >= min(again, found.stats.states) else None


def found_out(cell: Cell, wanted: Sequence[Property], engine: str, find_out: Callable[[], CellResult]) -> CellResult:
    """What find_out says, which is kept if it is whole."""
    path = path_of(cell, wanted, engine)
    result = find_out()
    if path is not None and result.outcome is Outcome.COMPLETE:
        save(path, result, wanted)
    return result


def part_of_all(cell: Cell, wanted: Sequence[Property], engine: str) -> CellResult | None:
    """What an earlier command said of these among all registered properties: the states, and the runs to them, are the same."""
    every = [p for p in all_properties().values() if p.is_made_for(cell.system)]
    path = path_of(cell, every, engine) if {id(p) for p in wanted} <= {id(p) for p in every} else None
    found = load(path, cell, every) if path is not None else None
    if found is None:
        return None
    of = {id(v.property): v for v in found.verdicts}
    return replace(found, verdicts=tuple(of[id(p)] for p in wanted))


T = TypeVar("T")


def of_both(
    pair: Sequence[Cell],
    wanted: Sequence[Property],
    about: str,
    find_out: Callable[[], T],
    decided: Callable[[T], bool],
) -> T:
    """What an earlier command found out of two systems together, or what find_out says, which is kept if it is decided. about:
    the question, with all that it depends on besides the systems."""
    names = [path_of(cell, wanted, about) for cell in pair]
    if None in names:
        return find_out()
    digest = hashlib.sha256("".join(name.stem for name in names if name).encode()).hexdigest()
    path = cache_dir() / f"{digest}.both"
    content = read(path)
    if content is not None:
        told: T = unpacked(content, lambda stands: stands)
        return told
    found = find_out()
    made = packed(found, lambda of: None) if decided(found) else None
    if made is not None:
        write(path, made)
    return found


def path_of(cell: Cell, wanted: Sequence[Property], engine: str) -> Path | None:
    """Where the answer is kept; None if it is not to be kept."""
    if os.environ.get("EOI_ANEW"):
        return None
    program = name_of(cell.system, cell.scope, asked_of(cell, wanted))
    names = [(p.function.__module__, p.function.__qualname__, str(p.kind), p.name) for p in wanted]
    if program is None:
        return None
    choices = [(name, str(value)) for name, value in cell.scope.choices().items()]
    asked = program, choices, names, engine, compiler(), compiler_said(), os.environ.get("EOI_PORTABLE")
    return cache_dir() / f"{hashlib.sha256(repr(asked).encode()).hexdigest()}.answer"


def save(path: Path, result: CellResult, wanted: Sequence[Property]) -> None:
    """Keep an answer, if all that it names can be found again by its name."""
    content = packed_answer(result, wanted)
    if content is not None:
        write(path, content)


def load(path: Path, cell: Cell, wanted: Sequence[Property]) -> CellResult | None:
    """The answer as kept, of this cell."""
    content = read(path)
    return None if content is None else replace(unpacked_answer(content, cell, wanted), kept=True)


def packed_answer(result: CellResult, wanted: Sequence[Property]) -> bytes | None:
    """None if something that it names cannot be found again by its name."""
    numbers = {id(p): number for number, p in enumerate(wanted)}
    return packed(result, lambda of: CELL if of is result.cell else numbers.get(id(of)))


def unpacked_answer(content: bytes, cell: Cell, wanted: Sequence[Property]) -> CellResult:
    """Of this cell, as it was packed."""
    found: CellResult = unpacked(content, lambda stands: cell if stands == CELL else wanted[stands])
    return found
