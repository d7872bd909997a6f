"""Cells and properties on their way to another machine. Files of the user's go by what they say, as the modules that they are
here; systems as the classes that they are made of; all of the project by its name, as it is the same there (sources.py)."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence

from checker.matrix.cells import Cell
from checker.matrix.loader import load_as, loaded
from checker.matrix.roles import all_properties
from checker.matrix.system import system_of
from model.lang import Property


def pack(cells: Sequence[Cell], wanted: Sequence[Property]) -> bytes:
    rows = [(cell.names, cell.system.__bases__, cell.scope, cell.subject, cell.titles) for cell in cells]
    return pickle.dumps((loaded(), pickle.dumps((rows, [_name_of(p) for p in wanted]))))


def unpack(packed: bytes) -> tuple[list[Cell], list[Property]]:
    files, inner = pickle.loads(packed)
    for name, source in files:
        load_as(name, source)
    rows, properties = pickle.loads(inner)  # now that the modules are there which it names
    cells = [Cell(names, system_of(*roles), scope, subject, titles) for names, roles, scope, subject, titles in rows]
    return cells, [_named(*name) for name in properties]


def _name_of(p: Property) -> tuple[str, str]:
    """Its module, if that is a file of the user's, and its name there; or its name among those of the project."""
    registered = all_properties().get(p.name) is p
    return ("", p.name) if registered else (p.function.__module__, p.function.__qualname__)


def _named(module: str, name: str) -> Property:
    known = all_properties()
    if not module:
        return known[name]
    found: Property = getattr(sys.modules[module], name)
    return found.with_premise(known)
