"""Of which rows does it not matter how they are numbered? What `--reduce` goes by: nothing is assumed of a system, not even of
pins.

Of each size of the scope no step may notice that its rows are renamed. Of a step of which a solver says so, for all states, that
is known; the others are tried in each state that the search expands (checker/engine/quotient.py), and if one does notice, rows of
this size are not taken for each other. A formula that notices a renaming is asked of all states, and so is what must happen
some time: who is owed a turn is told by name.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from checker.engine.identity import ByIdentity
from checker.engine.orbits import MOST
from checker.engine.prepare import Prepared
from checker.language.renaming import Renaming, renamings, swaps
from checker.symbolic.symmetric import Renamed
from model.lang import Scope


@dataclass(frozen=True)
class Reduction:
    """sizes: index -> how many rows, of those whose numbering does not matter as far as is known; first those that no step is
    known to notice. open_steps: numbers of the steps that have to be tried, under the first `tried` renamings; asked_of_all:
    of the formulas that notice. too_many: what was left out."""

    sizes: dict[str, int]
    open_steps: tuple[int, ...]
    tried: int
    asked_of_all: frozenset[int]
    too_many: dict[str, str]

    @property
    def renamings(self) -> list[Renaming]:
        return renamings(self.sizes)


def reduction_of(prepared: Prepared, scope: Scope, without: Collection[str] = ()) -> Reduction:
    """without: sizes whose rows are known to be told apart."""
    found = _NOTICING(prepared)
    counts = {index: count for index, count in scope.sizes().items() if count > 1 and index not in without}
    noticing = {index: found.of(index, count, scope) for index, count in counts.items()}
    sizes, too_many, ways = dict[str, int](), dict[str, str](), 1
    for index in sorted(counts, key=lambda name: bool(noticing[name][0])):
        more = math.factorial(counts[index])
        if ways * more > MOST:
            too_many[index] = f"there would be {ways * more:,} ways to rename rows, more than {MOST}"
        else:
            sizes[index], ways = counts[index], ways * more
    steps = frozenset[int]().union(*(noticing[index][0] for index in sizes))
    formulas = frozenset[int]().union(*(noticing[index][1] for index in sizes))
    tried = math.prod(math.factorial(count) for index, count in sizes.items() if noticing[index][0])
    return Reduction(sizes, tuple(sorted(steps)), tried, formulas, too_many)


class _Noticing:
    """Of a program's steps and formulas, those that may notice a renaming, by numbers: once for all choices of its scope."""

    def __init__(self, prepared: Prepared) -> None:
        self._program = prepared.lowered()
        self._known = dict[str, tuple[frozenset[int], frozenset[int]]]()

    def of(self, index: str, count: int, scope: Scope) -> tuple[frozenset[int], frozenset[int]]:
        """Of any renaming of this size's rows: each is made of swaps."""
        if index not in self._known:
            both = [self._of(swap, scope) for swap in swaps({index: count})]
            steps, formulas = (frozenset[int]().union(*found) for found in zip(*both, strict=True))
            self._known[index] = steps, formulas
        return self._known[index]

    def _of(self, swap: Renaming, scope: Scope) -> tuple[frozenset[int], frozenset[int]]:
        asked, program = Renamed(self._program, scope, swap), self._program
        steps = frozenset(n for n, step in enumerate(program.steps) if asked.step_notices(step))
        formulas = frozenset(n for n, formula in enumerate(program.formulas) if asked.formula_notices(formula))
        asked.close()
        return steps, formulas


_NOTICING = ByIdentity(_Noticing, most=8)
