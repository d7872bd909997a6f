"""The one cell that a command is about which cannot be about several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.matrix.select import Selection, select
from checker.questions.report import scope_text

LISTED = 6  # cells that are named where one is to be chosen


def one_cell(asked: Selection, what: str, sizes: Mapping[str, int]) -> Cell:
    """what: a graph, say. sizes: unless the user says otherwise. Raises UserError if there are several."""
    small = {name: size for name, size in sizes.items() if name not in asked.sizes}
    _, cells, _, _ = select(asked, small)
    if len(cells) > 1:
        named = [f"  {cell}" for cell in cells[:LISTED]] + [f"  ... {len(cells) - LISTED} more"] * (len(cells) > LISTED)
        which = (
            f"these are several cells, and {what} is of one: choose with --vmm, --guest, --device and --scope, e.g. "
        )
        first = cells[0]
        names = " ".join(f"--{role} {name}" for role, name in first.names.items() if role != first.subject)
        raise UserError("\n".join([f"{which}\n  {names} --scope {_chosen(cells)}", *named]))
    return cells[0]


def _chosen(cells: Sequence[Cell]) -> str:
    """The choices of the first cell that others of the same names do not have."""
    alike = [scope_text(cell.scope).split(",") for cell in cells if cell.names == cells[0].names]
    return ",".join(part for part in alike[0] if part.startswith("ioapic=") or any(part not in s for s in alike))
