"""What `eoi when` says, in words: of a role its name, of the I/O APIC and the flags what the model's source says of their values."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from checker.matrix.roles import DEVICES, GUESTS, VMMS, role_sentence
from checker.questions.explain_model import comment_of_member
from checker.questions.minimise import Cube, Point
from checker.questions.when import CellSays, Place, When, alike, values_of
from checker.words import count, screen
from model.machine import IoapicVersion

AXES = {"kernel": "the kernel", "vmm": "the VMM", "guest": "the guest", "device": "the device", "ioapic": "the I/O APIC",
        "flags": "the flags"}  # fmt: skip
PLURAL = ("flags",)
MOST_NAMES = 4  # that are explained; `eoi explain` knows all


def value_words(axis: str, value: str) -> str:
    """The value, of the I/O APIC with what its version means."""
    said = comment_of_member(IoapicVersion(int(value, 16))) if axis == "ioapic" else ""
    return f"{value} ({said})" if said else value


def literal(axis: str, allowed: Sequence[str], every: Sequence[str]) -> str:
    """`the guest is linux or xen`, `the flags are not BIT2`: by whatever takes fewer names."""
    forbidden = [value for value in every if value not in allowed]
    told, no = (forbidden, " not") if len(forbidden) < len(allowed) else (allowed, "")
    is_ = "are" if axis in PLURAL else "is"
    return f"{AXES.get(axis, axis)} {is_}{no} {_listed([value_words(axis, v) for v in told])}"


def _listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def cube_text(found: When, cube: Cube) -> str:
    """All that it restricts; "" if that is nothing."""
    told = [
        literal(axis, allowed, every)
        for (axis, every), allowed in zip(found.axes.items(), cube, strict=True)
        if len(allowed) < len(every)
    ]
    return " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)


def condition_lines(found: When, says: CellSays, before: str) -> list[str]:
    """`v6, no_eoi_lost: holds (8 of 12 cells) iff the guest is linux`; a line or more for each part of what is long."""
    total, number = sum(found.cells.values()), found.cells[says]
    parts = [cube_text(found, cube) for cube in found.conditions[says]]
    if parts == [""]:
        return _wrapped(f"{before}{says.value} in {'all ' if total > 1 else 'the '}{count(total, 'cell')}")
    before = f"{before}{says.value} ({number:,} of {count(total, 'cell')}) iff "
    whole = before + ", or ".join(parts)
    if len(whole) <= screen()[0]:
        return [whole]
    lines = [before + parts[0], *(f"    or {part}" for part in parts[1:])]
    return [line for text in lines for line in _wrapped(text)]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, screen()[0], subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)


def answer_lines(
    design: str, found: Sequence[When], free: Mapping[str, Mapping[CellSays, Sequence[Point]]]
) -> list[str]:
    """All properties, those of which the same is said once; of many, those that depend on nothing at the end. free: of each and
    of what is said, the combinations of which it is true and which no cell has."""
    depend = [one for one in found if len(one.conditions) > 1 or not found[1:]]
    lines = [f"{design}: {len(depend)} of {count(len(found), 'property', 'properties')} depend on these choices"] * (
        len(depend) < len(found)
    )
    for same in alike(depend):
        lines += [
            *property_lines(f"{design}, {', '.join(one.property for one in same)}", same[0], free[same[0].property])
        ]
    for says in CellSays:
        names = [one.property for one in found if one not in depend and list(one.conditions) == [says]]
        lines += _wrapped(f"{design}: wherever it is asked, {says.value}: {', '.join(names)}") if names else []
    nowhere = [one.property for one in found if one not in depend and not one.conditions]
    return lines + (_wrapped(f"{design}: asked nowhere: {', '.join(nowhere)}") if nowhere else [])


def property_lines(what: str, found: When, free: Mapping[CellSays, Sequence[Point]]) -> list[str]:
    """All that is said of one property, its answer first."""
    if not found.cells:
        return _wrapped(f"{what}: is asked in none of {count(found.apart, 'cell')}")
    lines = list[str]()
    for n, says in enumerate(found.conditions):
        lines += condition_lines(found, says, "  " if n else f"{what}: ")
    return [*lines, *unasked_lines(found), *_leaning_lines(found, free)]


def unasked_lines(found: When) -> list[str]:
    """With what it is never asked."""
    if not found.apart:
        return []
    told = "; or ".join(
        literal(axis, values, [*values, *found.axes.get(axis, values)]) for axis, values in found.unasked.items()
    )
    return _wrapped(f"  is not asked where {told} ({count(found.apart, 'cell')})")


def _leaning_lines(found: When, free: Mapping[CellSays, Sequence[Point]]) -> list[str]:
    """That nothing was looked at where a condition is true and there is no cell."""
    told = [f"{says.value} {len(of):,}, e.g. {', '.join(of[0])}" for says, of in free.items() if of]
    return _wrapped(f"  (true also of combinations that no cell has: {'; '.join(told)})") if told else []


def choice_lines(places: Iterable[Place]) -> list[str]:
    """Among which values: `is not linux` means one of the others here."""
    told = "; ".join(f"{AXES.get(axis, axis)} {', '.join(every)}" for axis, every in values_of(places).items())
    return _wrapped(f"Choices: {told}")


def name_lines(found: Sequence[When]) -> list[str]:
    """Who it is that few conditions name, as the model's source says."""
    families = {"vmm": VMMS, "guest": GUESTS, "device": DEVICES}
    named = dict[tuple[str, str], None]()
    for one in found:
        for cubes in one.conditions.values():
            for (axis, every), allowed in (
                (a, v) for cube in cubes for a, v in zip(one.axes.items(), cube, strict=True)
            ):
                few = min((allowed, [v for v in every if v not in allowed]), key=len)
                named |= {(axis, value): None for value in few if value in families.get(axis, ())}
    told = [f"{name}: {role_sentence(families[axis][name], families[axis])}" for axis, name in named]
    return [textwrap.shorten(line, screen()[0], placeholder=" ...") for line in told] if len(told) <= MOST_NAMES else []
