"""`eoi when`: with which choices does a property hold? Cells and what they say in, the shortest exact conditions out.

A choice is an axis: who plays a role, the version of the I/O APIC, the flags, what a user's scope adds, and whatever else of the
scope was varied. Each thing that cells say has a condition of its own, of the rest none is folded into it: that a property holds
only because what it speaks of never happens, that it is INCONCLUSIVE, that it is not asked. Combinations that no cell has are
don't-cares. A value of an axis with which nothing is ever asked is no part of it, and is told apart.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from checker.errors import InternalError
from checker.matrix.capability import own_choices
from checker.matrix.cells import Cell
from checker.matrix.scope import scope_value
from checker.questions.campaign import Campaign
from checker.questions.expected import INCONCLUSIVE, Row, verdict_text
from checker.questions.minimise import Cube, Point, cover
from model.lang import Property

Place = Mapping[str, str]  # axis -> the value that a cell has there


class CellSays(Enum):
    """What a cell says of a property."""

    HOLDS = "holds"
    REACHED = "is reached"
    VIOLATED = "is violated"
    NEVER = "is never reached"
    VACUOUS = "never comes up"
    OPEN = "is INCONCLUSIVE"
    NOT_ASKED = "is not asked"


OF_RECORD = {"ok": CellSays.HOLDS, "(ok)": CellSays.VACUOUS, "FAIL": CellSays.VIOLATED, "yes": CellSays.REACHED,
             "no": CellSays.NEVER, INCONCLUSIVE: CellSays.OPEN}  # fmt: skip


@dataclass(frozen=True)
class When:
    """Of one property. axes: the choices that matter or could, with the values with which it is asked; cells: how many say what;
    conditions: of what is said, when it is; unasked: the values of axes with which it is asked nowhere; apart: how many cells have
    one of these."""

    property: str
    axes: Mapping[str, tuple[str, ...]]
    cells: Mapping[CellSays, int]
    conditions: Mapping[CellSays, tuple[Cube, ...]]
    unasked: Mapping[str, tuple[str, ...]]
    apart: int = 0

    def allows(self, says: CellSays, place: Place) -> bool:
        """Is the condition of that true there? Written out once more, and not as the minimiser has it: see checked()."""
        there = {name: place[name] for name in self.axes}
        return any(
            all(there[name] in allowed for name, allowed in zip(self.axes, cube, strict=True))
            for cube in self.conditions.get(says, ())
        )

    def is_apart(self, place: Place) -> bool:
        return any(place[name] in values for name, values in self.unasked.items())


def says_of(text: str | None) -> CellSays:
    """Of a verdict as the record has it: `FAIL 10`; None where the record says nothing of it."""
    return CellSays.NOT_ASKED if text is None else OF_RECORD[text.partition(" ")[0]]


def place_of(cell: Cell, varied: Sequence[str] = ()) -> dict[str, str]:
    """Where a cell stands on every axis. varied: further names of its scope that are one."""
    shown = {role: cell.titles.get(name) or name.rpartition("/")[2] for role, name in cell.names.items()}
    scope = dict.fromkeys(("ioapic", "flags", *varied, *own_choices(type(cell.scope))))
    return {
        **shown,
        **{f"scope.{n}" if n in shown else n: _value_text(n, getattr(cell.scope, n)) for n in scope},
    }


def own_axes(cell: Cell) -> list[str]:
    """Those that a user's scope adds."""
    return [f"scope.{name}" if name in cell.names else name for name in own_choices(type(cell.scope))]


def _value_text(name: str, value: object) -> str:
    """As titles of cells have it: the I/O APIC by its number, what else is an enumeration by its name."""
    return value.name if isinstance(value, Enum) and name != "ioapic" else scope_value(value)


def of_campaign(
    campaign: Campaign, wanted: Sequence[Property], varied: Sequence[str] = ()
) -> dict[str, list[tuple[Place, CellSays]]]:
    """What each cell says of each property; of a cell that was not explored, that it is open."""
    found = {p.name: list[tuple[Place, CellSays]]() for p in wanted}
    for result in campaign.results:
        for v in result.verdicts:
            found[v.property.name].append((place_of(result.cell, varied), says_of(verdict_text(v))))
    for cell in campaign.unexplored:
        for p in wanted:
            says = CellSays.OPEN if p.why_not(cell.system) is None else CellSays.NOT_ASKED
            found[p.name].append((place_of(cell, varied), says))
    return found


def of_rows(cells: Mapping[str, Place], rows: Mapping[str, Row]) -> dict[str, list[tuple[Place, CellSays]]]:
    """The same from the record of a design: title of a cell -> where it stands, and its row."""
    names = dict.fromkeys(name for row in rows.values() for name in row.verdicts)
    return {n: [(cells[title], says_of(row.verdicts.get(n))) for title, row in rows.items()] for n in names}


def when(name: str, said: Sequence[tuple[Place, CellSays]]) -> When:
    """The conditions of a property, equal to what every cell says. Raises InternalError if they are not."""
    asked = [place for place, says in said if says is not CellSays.NOT_ASKED]
    values = values_of(asked)
    unasked = {
        axis: left for axis, every in values_of([p for p, _ in said]).items()
        if (left := tuple(v for v in every if v not in values.get(axis, ())))
    }  # fmt: skip
    axes = {axis: every for axis, every in values.items() if len(every) > 1}
    inside = [(place, says) for place, says in said if not any(place[a] in left for a, left in unasked.items())]
    points = {says: frozenset(_point(axes, p) for p, of in inside if of is says) for says in CellSays}
    points = {says: of for says, of in points.items() if of}
    if both := [p for one, other in itertools.combinations(points.values(), 2) for p in one & other]:
        raise InternalError(
            f"when {name}: two cells differ in no choice, and say different things: {', '.join(both[0])}"
        )
    conditions = {
        says: cover(
            tuple(axes.values()), on, frozenset[Point]().union(*(p for s, p in points.items() if s is not says))
        )
        for says, on in points.items()
    }
    cells = Counter(says for _, says in inside)
    told = {says: cells[says] for says in CellSays if says in cells}
    found = When(name, axes, told, conditions, unasked, len(said) - len(inside))
    check(found, said)
    return found


def values_of(places: Iterable[Place]) -> dict[str, tuple[str, ...]]:
    """Of each axis, in the order in which they come."""
    found = dict[str, dict[str, None]]()
    for place in places:
        for axis, value in place.items():
            found.setdefault(axis, {})[value] = None
    return {axis: tuple(values) for axis, values in found.items()}


def _point(axes: Mapping[str, object], place: Place) -> Point:
    return tuple(place[axis] for axis in axes)


def check(found: When, said: Sequence[tuple[Place, CellSays]]) -> None:
    """Every cell meets the condition of what it says, and no other; with what is never asked it says nothing. Raises
    InternalError."""
    for place, says in said:
        meeting = [of for of in CellSays if found.allows(of, place)]
        right = says is CellSays.NOT_ASKED if found.is_apart(place) else meeting == [says]
        if not right:
            where = ", ".join(place.values())
            told = "; ".join(of.value for of in meeting) or "none"
            raise InternalError(f"when {found.property} in {where}: {says.value}, but the conditions say: {told}")


def leans_on(
    found: When, said: Sequence[tuple[Place, CellSays]], says: CellSays, own: Collection[str] = ()
) -> list[Point]:
    """The combinations that meet the condition, and that no cell has because there are none. own: the axes that a user's scope
    adds, whose values can all be combined: of what was not tried of these the condition says nothing."""
    there = {_point(found.axes, place) for place, _ in said}
    met = dict.fromkeys(point for cube in found.conditions[says] for point in itertools.product(*cube))
    at = [n for n, axis in enumerate(found.axes) if axis in own]
    tried = {tuple(point[n] for n in at) for point in there}
    return [point for point in met if point not in there and tuple(point[n] for n in at) in tried]


def alike(found: Sequence[When]) -> list[list[When]]:
    """Those of which the same is said, together."""
    groups = dict[str, list[When]]()
    for one in found:
        groups.setdefault(repr(replace(one, property="")), []).append(one)
    return list(groups.values())
