"""reports/when.md: the conditions of every registered design and property, as the record of the gate has the verdicts.

Nothing is explored, so that it costs seconds. A line can be read back: names of axes and values, `&` between what has to be true
together, `;` between what is enough each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.errors import UserError
from checker.progress import Progress
from checker.questions import gate
from checker.questions.expected import Table
from checker.questions.minimise import Cube
from checker.questions.when import CellSays, Place, When, alike, of_rows, place_of, when
from checker.words import count

HEAD = """\
# When each property of each registered design holds

Written by `{write}` from reports/expected.toml, and compared with every cell of it by a test. The axes are the choices of the
matrix that `eoi gate` judges; combinations that no cell has are don't-cares, so that a condition may be true of some. What a
property says is told by `eoi explain NAME`, the same for cells of your choice by `eoi when v6 NAME`.

`guest=linux,xen & ioapic=0x20; flags!=BIT2` is true where the guest is linux or xen and the I/O APIC is 0x20, and where the flags
are not BIT2. `never comes up`: what the property speaks of never happens there. `not asked at all`: with these it is asked in no
cell, and nothing else is said of those; `is not asked` has a condition like the rest.
"""
EVERYWHERE = "wherever it is asked"
WRITE = "eoi when --write reports/when.md"


def record_text(table: Table) -> str:
    """All designs of a table. Raises UserError if it has cells that the matrix does not have."""
    progress, parts = Progress(len(table), "designs"), [HEAD.format(write=WRITE)]
    try:
        for n, (design, rows) in enumerate(table.items()):
            places = places_of(design)
            if strange := [title for title in rows if title not in places]:
                raise UserError(
                    f"the record has {design}: {strange[0]}, which is no cell of the matrix: write it with `eoi gate --write`"
                )
            found = [when(name, said) for name, said in of_rows(places, rows).items()]
            parts.append("\n".join(design_lines(design, len(rows), found)))
            progress.finished(n)
            progress.show()
    finally:
        progress.close()
    return "\n".join(parts)


def places_of(design: str) -> dict[str, Place]:
    """Where each cell of the matrix of a registered design stands, by the title that it has in the record."""
    cls = gate.gated()[design]
    return {part.title(cell): place_of(cell) for part in gate.full_matrix([design]) for cell in part.cells(cls)}


def design_lines(design: str, cells: int, found: Sequence[When]) -> Iterator[str]:
    depend = [one for one in found if len(one.conditions) > 1]
    yield f"## {design}\n\n{count(cells, 'cell')}\n"
    for says in CellSays:
        names = [one.property for one in found if list(one.conditions) == [says]]
        if names:
            yield f"- {EVERYWHERE} {says.value}: {', '.join(names)}"
    for same in alike(depend):
        one = same[0]
        yield f"\n### {', '.join(one.property for one in same)}\n"
        for says, cubes in one.conditions.items():
            yield f"- {says.value} ({one.cells[says]}): {'; '.join(cube_names(one, cube) for cube in cubes)}"
        if one.apart:
            told = (f"{axis}={','.join(values)}" for axis, values in one.unasked.items())
            yield f"- not asked at all ({one.apart}): {'; '.join(told)}"
    yield ""


def cube_names(found: When, cube: Cube) -> str:
    told = [
        _names(axis, of, every)
        for (axis, every), of in zip(found.axes.items(), cube, strict=True)
        if len(of) < len(every)
    ]
    return " & ".join(told)


def _names(axis: str, allowed: tuple[str, ...], every: tuple[str, ...]) -> str:
    left = [value for value in every if value not in allowed]
    return f"{axis}!={','.join(left)}" if len(left) < len(allowed) else f"{axis}={','.join(allowed)}"
