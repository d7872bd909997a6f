"""What was shown of very systems by commands before: which verdicts a certificate has that was accepted, and what is inductive.

It is kept beside the compiled programs and goes by content, as these do (checker/engine/kept.py): after an edit of any file on which
a system or a property depends, or of the checker, nothing of it is found. EOI_ANEW=1 neither takes nor keeps it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from checker.engine import kept, sources
from checker.engine.cache_folder import cache_dir
from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.matrix.scope import OF_MACHINE, with_values
from checker.questions.verdict import Verdict
from model.lang import Property

FOLDER = "shown"
Notes = dict[str, dict[str, str]]  # of each property, by its key


def written(cell: Cell, verdicts: Iterable[Verdict], certificate: bytes) -> None:
    """A certificate of these verdicts was made. Nobody has checked it yet."""
    digest = _digest(certificate)
    _add(_certificates_of(cell), [(v.property, {digest: v.status.value}) for v in verdicts])


def accepted(certificate: bytes) -> None:
    """All of it was checked just now. Where nothing can be kept that is no error: whoever checks needs no room for it."""
    if not os.environ.get("EOI_ANEW"):
        with contextlib.suppress(UserError):
            kept.write(_acceptance_of(_digest(certificate)), _today().encode())


def certified(cell: Cell, verdicts: Iterable[Verdict]) -> list[str]:
    """Of each of these verdicts for which a certificate that says it was accepted: when that was."""
    notes, found = _notes(_certificates_of(cell)), list[str]()
    for v in verdicts if notes else ():
        said = notes.get(_key(v.property), {})
        days = [kept.read(_acceptance_of(digest)) for digest, word in said.items() if word == v.status.value]
        found += [max(day.decode() for day in days if day is not None)] if any(days) else []
    return found


def proved(cell: Cell, properties: Iterable[Property], sizes: Iterable[str]) -> None:
    """They were shown to be inductive just now, with the same clauses at each of these sizes (vCPUs, pins, vectors); of what
    sizes of these the cell is does not matter, but of its own."""
    today = _today()
    at = dict.fromkeys(sizes, today)
    _add(_proofs_of(cell), [(p, at) for p in properties])


def inductive(cell: Cell, properties: Iterable[Property]) -> list[tuple[Property, Mapping[str, str]]]:
    """Those of them that were shown to be: at which sizes, and when."""
    notes = _notes(_proofs_of(cell))
    return [(p, notes[key]) for p in properties if (key := _key(p)) in notes] if notes else []


# --- files ---


def _proofs_of(cell: Cell) -> Path | None:
    return _of_system(cell, {name: 1 for name in cell.scope.sizes() if name in OF_MACHINE}, "inductive")


def _certificates_of(cell: Cell) -> Path | None:
    return _of_system(cell, {}, "certificates")


def _of_system(cell: Cell, values: Mapping[str, int], ending: str) -> Path | None:
    """None if its content has no name, or nothing is to be taken from before. A program is the same whatever is chosen, and what
    is shown of it is not."""
    scope = with_values(cell.scope, values)
    program = None if os.environ.get("EOI_ANEW") else kept.name_of(cell.system, scope, [])
    choices = [(name, str(value)) for name, value in scope.choices().items()]
    return cache_dir() / FOLDER / f"{_digest(repr((program, choices)).encode())}.{ending}" if program else None


def _acceptance_of(digest: str) -> Path:
    return cache_dir() / FOLDER / f"{digest}.accepted"


def _key(p: Property) -> str:
    """ "" for one that its module does not have by its name."""
    function = p.function
    if not kept.is_named(function.__module__, function.__qualname__, function):
        return ""
    made_of = sources.digest_of(frozenset([function.__module__]))
    return _digest(repr((made_of, function.__module__, function.__qualname__, str(p.kind))).encode())


def _notes(path: Path | None) -> Notes:
    content = kept.read(path) if path is not None else None
    found: Notes = json.loads(content) if content is not None else {}
    return found


def _add(path: Path | None, said: Iterable[tuple[Property, Mapping[str, str]]]) -> None:
    if path is None:
        return
    notes = _notes(path)
    for p, more in said:
        if key := _key(p):
            notes[key] = notes.get(key, {}) | dict(more)
    kept.write(path, json.dumps(notes).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _today() -> str:
    return date.today().isoformat()
