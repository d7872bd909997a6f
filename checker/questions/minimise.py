"""Two-level minimisation over choices of several values: the fewest and shortest conditions that some points meet and others do
not.

A point has a value on each axis. A condition (a cube) allows some values on each, and a point meets it if all of its own are
allowed. What is neither on nor off is a don't-care. The answer is exact: no cover has fewer conditions, and of those with as few
none restricts fewer axes, or takes fewer names to tell. It goes by the order of the axes and their values, and by nothing else.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

Axes: TypeAlias = tuple[tuple[str, ...], ...]  # the values of each axis
Point: TypeAlias = tuple[str, ...]
Cube: TypeAlias = tuple[tuple[str, ...], ...]  # the values that are allowed on each axis
Rows: TypeAlias = frozenset[frozenset[int]]  # sets of columns, of each of which one has to be taken

Z3 = "z3"  # loaded only where something is left to choose


def meets(point: Point, cube: Cube) -> bool:
    return all(value in allowed for value, allowed in zip(point, cube, strict=True))


@functools.cache
def cover(axes: Axes, on: frozenset[Point], off: frozenset[Point]) -> tuple[Cube, ...]:
    """Conditions of which each point of `on` meets one, and no point of `off` any. The same question is asked of many designs."""
    columns = sorted(primes(axes, off), key=lambda cube: (cost(axes, cube), cube))
    masks = dict.fromkeys(on, 0)
    for n, cube in enumerate(columns):
        for point in _meeting(axes, cube, on):
            masks[point] |= 1 << n
    rows = frozenset(frozenset(_bits(mask)) for mask in masks.values())
    chosen = cheapest([cost(axes, cube) for cube in columns], rows)
    return narrowed(axes, [columns[n] for n in chosen], on)


def _meeting(axes: Axes, cube: Cube, points: Iterable[Point]) -> Iterable[Point]:
    limits = [(n, set(allowed)) for n, allowed in enumerate(cube) if len(allowed) < len(axes[n])]
    for n, allowed in limits:
        points = [p for p in points if p[n] in allowed]
    return points


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def primes(axes: Axes, off: Collection[Point]) -> list[Cube]:
    """All conditions that no point of `off` meets and that cannot be made wider: what such a one forbids is a smallest set of
    values that has one of each of these points. They are built point by point (Berge); a set of values is the bits of a number."""
    values = [(n, value) for n, every in enumerate(axes) for value in every]
    bit = {value: 1 << k for k, value in enumerate(values)}
    forbidden = [0]
    for bits in ([bit[value] for value in enumerate(point)] for point in sorted(off)):
        there = sum(bits)
        kept, short = [f for f in forbidden if f & there], [f for f in forbidden if not f & there]
        for one in bits:  # what is smaller than f | one, and was not smaller than f, has this one
            smaller = [f for f in kept if f & there == one]
            forbidden = [f | one for f in short if not any(g & (f | one) == g for g in smaller)]
            kept += forbidden
        forbidden = kept
    cubes = [tuple(tuple(v for v in every if not f & bit[n, v]) for n, every in enumerate(axes)) for f in forbidden]
    return [cube for cube in cubes if all(cube)]


def cost(axes: Axes, cube: Cube) -> tuple[int, int]:
    """How many axes it restricts, and how many names it takes to tell: of what is allowed, or of what is not."""
    told = [names_told(allowed, every) for allowed, every in zip(cube, axes, strict=True)]
    return sum(map(bool, told)), sum(told)


def names_told(allowed: Sequence[str], every: Sequence[str]) -> int:
    return min(len(allowed), len(every) - len(allowed))


def cheapest(costs: Sequence[tuple[int, int]], rows: Rows) -> list[int]:
    """The columns that hit every row: as few as can be, and of as few those of the least costs. Columns are in the order of
    their costs. Those that a row has alone are taken, those that another one replaces go; z3 chooses among the rest."""
    chosen = set[int]()
    while rows:
        rows = frozenset(row for row in rows if not any(other < row for other in rows))
        alone = {column for row in rows if len(row) == 1 for column in row}
        rows = frozenset(row for row in rows if not row & alone)
        replaced = _replaced(rows)
        if not alone and not replaced:
            return sorted(chosen | _by_z3(costs, rows))
        chosen |= alone
        rows = frozenset(row - replaced for row in rows)
    return sorted(chosen)


def _replaced(rows: Rows) -> set[int]:
    """The columns that hit no row but those of a cheaper one."""
    of = dict[int, set[frozenset[int]]]()
    for row in rows:
        for column in row:
            of.setdefault(column, set()).add(row)
    return {column for column in of if any(other < column and of[column] <= of[other] for other in of)}


def _by_z3(costs: Sequence[tuple[int, int]], rows: Rows) -> set[int]:
    """The last weight is another one for every set, so that only one answer is right, whatever z3 tries first."""
    z3 = importlib.import_module(Z3)
    take = {column: z3.Bool(str(column)) for column in sorted(frozenset[int]().union(*rows))}
    solver = z3.Optimize()
    for row in sorted(map(sorted, rows)):
        solver.add(z3.Or([take[column] for column in row]))
    weights = [(1, *costs[column], 1 << n) for n, column in enumerate(take)]
    for goal in zip(*weights, strict=True):  # one after the other
        solver.minimize(z3.Sum([z3.If(one, weight, 0) for one, weight in zip(take.values(), goal, strict=True)]))
    if solver.check() != z3.sat:
        raise ArithmeticError("z3 finds no cover, and to take every column is one")
    model = solver.model()
    return {column for column, one in take.items() if z3.is_true(model[one])}


def narrowed(axes: Axes, cubes: Sequence[Cube], on: Collection[Point]) -> tuple[Cube, ...]:
    """Without values that only don't-cares have, or points that meet another condition too, where that takes no more names."""
    found = list(cubes)
    for n, cube in enumerate(cubes):
        others = found[:n] + found[n + 1 :]
        own = [p for p in on if meets(p, cube) and not any(meets(p, other) for other in others)]
        for axis, every in enumerate(axes):
            needed = tuple(v for v in cube[axis] if any(p[axis] == v for p in own))
            if len(cube[axis]) < len(every) and names_told(needed, every) <= names_told(cube[axis], every):
                found[n] = (*found[n][:axis], needed, *found[n][axis + 1 :])
    return tuple(found)
