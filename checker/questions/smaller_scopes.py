"""How many states the smaller scopes of a cell have, and what that makes of the cell: a guess, before a search that may not end.

All sizes grow by one at a time, up to those of the cell; the factor of the last step is taken for all that are left. Tried on
linux and windows_cg with base on QEMU, one to three steps ahead: of eight guesses all were within a factor of 4, those with more
vCPUs alone too large (1.3 to 3.4 times), those with more of everything too small (0.4 times).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from checker.engine.build import NoCompiler
from checker.engine.native import Outcome
from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.matrix.cells import Cell
from checker.matrix.scope import with_values
from model.machine import Scope

SECONDS = 8.0  # for all of them
MOST = 10**12  # a guess beyond is no number


def smaller_scopes(cell: Cell, seconds: float = SECONDS) -> list[tuple[Scope, int]]:
    """(scope, states) of those that are explored within so many seconds; none without a C compiler."""
    found, end = list[tuple[Scope, int]](), time.monotonic() + seconds
    for largest in itertools.count(1):
        scope = with_values(cell.scope, {name: min(size, largest) for name, size in cell.scope.sizes().items()})
        left = end - time.monotonic()
        if scope == cell.scope or left <= 0:
            break
        try:
            states = _states(cell, scope, left)
        except NoCompiler:
            break
        if states is None:
            break
        found.append((scope, states))
    return found


def _states(cell: Cell, scope: Scope, seconds: float) -> int | None:
    prepared = prepare(cell.system, scope, [])
    search = NativeSearch(prepared.program, Reference(cell.system, scope), keep_edges=False, prepared=prepared)
    outcome = search.run(Limits(seconds=seconds), None)
    if outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return search.stats().states if outcome is Outcome.COMPLETE else None


def guess(found: Sequence[tuple[Scope, int]], scope: Scope) -> int | None:
    """Of the states of a larger scope."""
    if len(found) < 2:
        return None
    (_, before), (_, last) = found[-2:]
    left = max(scope.sizes().values()) - len(found)
    return round(min(float(MOST), last * (last / before) ** min(left, 40)))


def guess_lines(found: Sequence[tuple[Scope, int]], scope: Scope) -> list[str]:
    """What was found, and the guess; none without two smaller scopes."""
    total = guess(found, scope)
    if total is None:
        return []
    known = [f"{','.join(f'{n}={size}' for n, size in of.sizes().items())}: {states:,}" for of, states in found]
    much = f"more than {MOST:,}" if total >= MOST else f"some {float(f'{total:.1e}'):,.0f}"
    return [
        f"States of its smaller scopes: {'; '.join(known)}.",
        f"At the last factor, {found[-1][1] / found[-2][1]:.1f}, it has {much}: a guess that may be off by ten.",
    ]
