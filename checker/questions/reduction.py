"""Of which rows does it not matter how they are numbered? What `--reduce` goes by: nothing is assumed of a system, not even of
pins.

Of each size of the scope: the initial state must be the same under every renaming of its rows, and no step may notice one. Of
a step that a solver shows it of, for all states, that is known; the others are tried in each state that the search expands
(checker/engine/quotient.py), and if one does notice, there is no reduction. A formula that notices a renaming is asked of all
states, and so is what must happen some time: who is owed a turn is told by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.identity import ByIdentity
from checker.engine.orbits import MOST
from checker.engine.prepare import Prepared
from checker.engine.reference import Codes, Reference
from checker.language.ir import Program
from checker.language.layout import leaves
from checker.language.renaming import Renaming, renamings, swaps
from checker.symbolic.symmetric import Renamed
from model.lang import Scope


@dataclass(frozen=True)
class Reduction:
    """sizes: index -> how many rows, of those whose numbering does not matter as far as is known. open_steps: numbers of the steps that have to
    be tried; asked_of_all: of the formulas that notice. why_not: index -> what tells its rows apart."""

    sizes: dict[str, int]
    open_steps: tuple[int, ...]
    asked_of_all: frozenset[int]
    why_not: dict[str, str]

    @property
    def renamings(self) -> list[Renaming]:
        return renamings(self.sizes)


def reduction_of(prepared: Prepared, reference: Reference) -> Reduction:
    program, sizes, why_not = prepared.program, dict[str, int](), dict[str, str]()
    for index, count in reference.scope.sizes().items():
        why = _why_not(program, reference.start, index, count, MOST // math.prod(map(math.factorial, sizes.values())))
        if why:
            why_not[index] = why
        elif count > 1:
            sizes[index] = count
    noticing = [_NOTICING(prepared).of(swap, reference.scope) for swap in swaps(sizes)]
    steps, formulas = (
        (frozenset[int]().union(*found) for found in zip(*noticing, strict=True)) if noticing else ((), ())
    )
    return Reduction(sizes, tuple(sorted(steps)), frozenset(formulas), why_not)


class _Noticing:
    """Of a program's steps and formulas, those that may notice a renaming, by numbers: once for all choices of its scope."""

    def __init__(self, prepared: Prepared) -> None:
        self._program = prepared.lowered()
        self._known = dict[Renaming, tuple[frozenset[int], frozenset[int]]]()

    def of(self, renaming: Renaming, scope: Scope) -> tuple[frozenset[int], frozenset[int]]:
        if renaming not in self._known:
            asked, program = Renamed(self._program, scope, renaming), self._program
            steps = frozenset(n for n, step in enumerate(program.steps) if asked.step_notices(step))
            formulas = frozenset(n for n, formula in enumerate(program.formulas) if asked.formula_notices(formula))
            asked.close()
            self._known[renaming] = steps, formulas
        return self._known[renaming]


_NOTICING = ByIdentity(_Noticing, most=8)


def _why_not(program: Program, start: Codes, index: str, count: int, most: int) -> str:
    """What forbids to rename its rows, as far as the initial state goes; "" if nothing does."""
    for swap in swaps({index: count}):
        found = told_apart(program, start, swap.state(program, start))
        if found:
            return f"the initial state tells them apart, by {found}"
    if math.factorial(count) > most:
        return f"there are {math.factorial(count):,} ways to rename them, more than {most}"
    return ""


def told_apart(program: Program, one: Codes, other: Sequence[int]) -> str:
    """The first place where two states are not the same."""
    pairs = zip(leaves(program.state), one, other, strict=True)
    return next((str(leaf) for leaf, a, b in pairs if a != b), "")
