"""The lines that no step ran, as texts: of a patch by its own line, since nobody has the file of the class that it became."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Iterator, Sequence

from checker.engine.passages import ASKED, SourceLine, line_texts
from checker.matrix.lifted_file import place_in_patch


def not_run_texts(lines: Sequence[SourceLine]) -> list[str]:
    """`mine.py:9-10 in f()`; of a patch, the line that first changes the function, and what the class has there."""
    own = [line for line in lines if place_in_patch(line.file, line.function) is None]
    return [*line_texts(own), *_of_patches(lines)]


def _of_patches(lines: Sequence[SourceLine]) -> Iterator[str]:
    for (file, function, uncalled, asked), group in itertools.groupby(
        lines, lambda line: (line.file, line.function, line.uncalled, line.asked)
    ):
        if place := place_in_patch(file, function):
            code = ", ".join(f"`{linecache.getline(file, line.number).strip()}`" for line in group)
            yield f"{'' if uncalled else f'{code} in '}{function}(), changed from {place[0]}:{place[1]} on{ASKED * asked}"
