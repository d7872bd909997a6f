"""What functions of the IR read: fields of records, and choices of the scope; and what one program reads that another does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from checker.engine.facts import LAST_FIRST
from checker.engine.identity import ByIdentity
from checker.language.ir import (
    Before,
    Call,
    Choice,
    Do,
    FieldOf,
    Function,
    Place,
    Program,
    RowOf,
    State,
    Store,
)
from model.finite import StructType, TableType, Type

Field: TypeAlias = tuple[type | None, str]  # the class that declares it, None of the state's own, and its name

Key: TypeAlias = Field | str  # of a choice, its name


@dataclass(frozen=True)
class Reads:
    """fields: without records and tables of these, whose fields are told. pure, does: the functions that it calls."""

    fields: frozenset[Field]
    choices: frozenset[str]
    pure: frozenset[str]
    does: frozenset[str]


@dataclass
class NewReads:
    """What is read that was not: which functions read it, by field and by choice. dropped: choices that are no longer read. again:
    functions that are others and read what those that they replace read, with these."""

    fields: dict[Field, list[str]] = field(default_factory=dict[Field, list[str]])
    choices: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    dropped: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    again: dict[Key, list[tuple[Function, Function]]] = field(
        default_factory=dict[Key, list[tuple[Function, Function]]]
    )


def field_of(record: Type, name: str) -> Field:
    """A record that a patch adds fields to still has those of the model."""
    cls = record.cls if isinstance(record, StructType) else None
    owners = cls.__mro__ if cls is not None else ()
    return next((owner for owner in owners if name in vars(owner).get("__annotations__", {})), cls), name


def field_at(place: Place) -> Field | None:
    """The field that a place is of: of a row of a table of values, the table's. None of what only a name says."""
    while isinstance(place, RowOf):
        place = place.base
    if not isinstance(place, FieldOf):
        return None
    return (None, place.name) if isinstance(place.base, State | Before) else field_of(place.base.type, place.name)


def _of_records(of: Type) -> bool:
    while isinstance(of, TableType):
        of = of.row
    return isinstance(of, StructType)


def _reads(function: Function) -> Reads:
    fields, choices, pure, does = set[Field](), set[str](), set[str](), set[str]()
    waiting: list[object] = [function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
            continue
        match node:
            case Store(place=FieldOf(base=base), value=value):  # what is stored to is not read for it
                waiting += [base, value]
                continue
            case FieldOf(base=base, name=name, type=of) if not _of_records(of):
                fields.add((None, name) if isinstance(base, State | Before) else field_of(base.type, name))
            case Choice(name=name):
                choices.add(name)
            case Call(function=name):
                pure.add(name)
            case Do(function=name):
                does.add(name)
            case _:
                pass
        waiting += [getattr(node, part) for part in LAST_FIRST.get(type(node), ())]
    return Reads(frozenset(fields), frozenset(choices), frozenset(pure), frozenset(does))


reads = ByIdentity(_reads, most=20_000)


def new_reads(program: Program, before: Program, alone: Collection[str] = ()) -> NewReads:
    """What the functions of a program read that those of the other one of their name do not read. alone: files whose functions
    have no other one: all that these read is new."""
    found, steps = NewReads(), {step.name for step in program.steps}
    for name, function in program.functions.items():
        was = before.functions.get(name) if function.loc.file not in alone else None
        if was == function or (was is None and name not in steps and function.loc.file not in alone):
            continue  # of one that is new, whoever calls it reads it
        now, then = _read_in(program, name, before), _read_in(before, name, program) if was else ({}, {})
        for of_field in now[0].keys() - then[0].keys():
            found.fields.setdefault(of_field, []).append(name)
        for choice in now[1].keys() - then[1].keys():
            found.choices.setdefault(choice, []).append(name)
        if was is not None:
            both: list[Key] = [*(now[0].keys() & then[0].keys()), *(now[1].keys() & then[1].keys())]
            for key in both:
                found.again.setdefault(key, []).append((function, was))
        itself = _read_in(before, name, before) if was else ({}, {})  # what a call that is gone read is gone with it
        for choice in itself[1].keys() - now[1].keys():
            found.dropped.setdefault(choice, []).append(name)
    return found


def _read_in(program: Program, first: str, other: Program) -> tuple[dict[Field, None], dict[str, None]]:
    """The fields and choices that a function reads, by itself, by the pure ones that it calls, and by what changes state and the
    other program does not have; what both have is compared by itself."""
    found, waiting = dict[str, Reads](), [first]
    while waiting:
        name = waiting.pop()
        if name not in found and name in program.functions:
            found[name] = of = reads(program.functions[name])
            waiting += [*of.pure, *(called for called in of.does if called not in other.functions)]
    of_all = found.values()
    return {f: None for of in of_all for f in of.fields}, {c: None for of in of_all for c in of.choices}
