"""What is said of a matrix besides its verdicts: the cells that it does not have, and sizes that may not finish."""

from __future__ import annotations

from collections.abc import Sequence

from checker.engine.sizes import counts_if_known
from checker.matrix.cells import Cell
from checker.words import count
from model.machine import Scope

# Measured with base, qemu 0x20 and the guest linux: 11,763,712 states in 19 s, 7,686,744 in 30 s, 2,477,512 in 6 s.
# From 2 to 6 vCPUs each further one had 10, 7, 6 and 6 times the states of the one before; `any` has more than linux.
FINISHED = (Scope(cpus=6), Scope(pins=4, vectors=4), Scope(cpus=3, pins=3, vectors=3))


def size_note(cells: Sequence[Cell]) -> str:
    """Of the cell with the most step instances, if it is larger than all that is known to finish: how large; else ""."""
    large = [cell for cell in cells if not any(_within(cell.scope, known) for known in FINISHED)]
    if not large:
        return ""
    instances = {id(cell): sum(counts_if_known(cell.system, cell.scope).values()) for cell in large}
    most = max(large, key=lambda cell: instances[id(cell)])
    known = "; ".join(_text(scope) for scope in FINISHED)
    return (
        f"eoi: {_text(most.scope)} may not finish: it makes {count(instances[id(most)], 'step instance')} ({most}), and\n"
        "     every further vCPU, pin or vector multiplies the states, a vCPU by six or more. Known to finish, with the\n"
        f"     guest linux: {known}.\n"
        "     --timeout and --max-memory bound it; reaching one is INCONCLUSIVE."
    )


def _within(scope: Scope, known: Scope) -> bool:
    sizes = known.sizes()
    return all(name not in sizes or value <= sizes[name] for name, value in scope.sizes().items())


def _text(scope: Scope) -> str:
    return ",".join(f"{name}={value}" for name, value in scope.sizes().items())
