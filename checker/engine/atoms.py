"""The bool functions that every engine evaluates on states and steps for the properties, and their numbers.

A formula is evaluated for each binding of its parameters; `leads_to` has two functions (p, q), the others
one. Atoms of single states and atoms of steps (before, after) are numbered separately, each from 0: the
number is the atom's bit in what `eoi_atoms` or `eoi_edge_atoms` of the generated C writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.identity import ByIdentity
from checker.language.ir import Formula, Program
from checker.language.layout import bindings


@dataclass(frozen=True, slots=True)
class Atom:
    """`formula.functions[part]` for one binding; `args` are codes. `bit` counts within its kind. formula: its position in
    the program, which is that of its property among those that were lowered; two of them may have one name."""

    formula: int
    args: tuple[int, ...]
    part: int
    of_edges: bool
    bit: int


def bits_of(formula: Formula) -> int:
    """How many atoms a formula has."""
    return len(formula.functions) * sum(1 for _ in bindings(formula.params))


def _atoms(program: Program) -> Sequence[Atom]:
    """All atoms, in order of formulas, then bindings (last parameter fastest), then parts."""
    found: list[Atom] = []
    counts = {False: 0, True: 0}
    for number, formula in enumerate(program.formulas):
        for args in bindings(formula.params):
            for part in range(len(formula.functions)):
                found.append(Atom(number, args, part, formula.of_edges, counts[formula.of_edges]))
                counts[formula.of_edges] += 1
    return found


atoms = ByIdentity(_atoms, most=64)


def atom_count(program: Program, of_edges: bool) -> int:
    """How many atoms of states (or of steps) there are."""
    return sum(atom.of_edges == of_edges for atom in atoms(program))
