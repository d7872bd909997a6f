"""What a command told of a cell's runs, the next page need not find out again: it is kept beside the answers that it tells of
(checker/questions/kept_answers.py), under what these go by, the names on the page, and the runs."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence

from checker.engine.cache_folder import cache_dir
from checker.engine.kept import read, write
from checker.matrix.cells import Cell
from checker.page.entries import PageEntry
from checker.page.told import ToldCell
from checker.questions.kept_answers import path_of
from model.lang import Property


def told_of_cell(
    runs: Mapping[str, PageEntry],
    names: Mapping[str, str],
    wanted: Sequence[Property],
    find_out: Callable[[], ToldCell],
) -> ToldCell:
    """runs: by property. names: of the design and its base, as the page calls them."""
    cells = list({id(cell): cell for entry in runs.values() for cell in _cells(entry)}.values())
    answers = [path_of(cell, wanted, "page") for cell in cells]
    if None in answers:
        return find_out()
    called = [(sorted(cell.names.items()), cell.subject, sorted(cell.titles.items())) for cell in cells]
    taken = [(name, str(e.told[1].binding), e.told[1].run) for name, e in runs.items() if e.told is not None]
    about = [path.stem for path in answers if path], called, sorted(names.items()), taken
    path = cache_dir() / f"{hashlib.sha256(repr(about).encode()).hexdigest()}.told"
    content = read(path)
    if content is not None:
        known: ToldCell = json.loads(zlib.decompress(content))
        return known
    found = find_out()
    write(path, zlib.compress(json.dumps(found).encode(), 6))
    return found


def _cells(entry: PageEntry) -> list[Cell]:
    both = (entry.told[0].cell if entry.told is not None else None, entry.other)
    return [cell for cell in both if cell is not None]
