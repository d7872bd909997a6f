"""What of the scope no cell varied, though the user's change reads it: a bug that needs another value of it is seen by none.

A change newly reads a choice of the scope, a field that the set-up fills from one (`apic.cpuid_x2apic` from x2apic) or that only
steps behind one change (`rte.irq_eoi` behind throttle), or makes another set-up under a value that no cell has; or a scope of the user's has more combinations of choices than were tried.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from checker.engine import kept
from checker.engine.otherwise import reads_otherwise
from checker.engine.passages import users_files
from checker.engine.reads import Field, NewReads, field_of, new_reads
from checker.engine.running import Running
from checker.engine.stores import Stored, new_values, stores
from checker.language.ir import Program
from checker.language.lower import lower
from checker.matrix.capability import own_values
from checker.matrix.cells import Cell, other_choices
from checker.matrix.roles import ROLES, registered_base, users_file
from checker.matrix.scope import ScopeValue, scope_type, scope_value, with_values
from checker.matrix.system import system_of
from checker.words import count
from model.finite import ModelError, StructType, TableType, Type, encode
from model.lang import Design
from model.machine import Machine, Scope

Place: TypeAlias = tuple[Hashable, ...]  # of a value in the state, with the rows that lead to it
State: TypeAlias = Mapping[Place, tuple[Field, int]]
AROUND = ("kernel", "vmm")  # of the roles that a user has no class of, those whose set-up and choices may matter


@dataclass(frozen=True)
class Unvaried:
    """said: what no cell has, and why that may matter. chosen: the user's own --scope leaves it out."""

    said: str
    chosen: bool


def unvaried(cells: Sequence[Cell], scope: Collection[str] = (), fixed: Collection[str] = ()) -> list[Unvaried]:
    """scope: the names that the user gave a value. fixed: those that the question itself gives one. Nothing where no class of a
    file of the user's is in any cell."""
    of = dict[tuple[str, str], dict[str, None]]()
    left = dict[tuple[str, ...], set[tuple[str, ...]]]()
    for group in _groups(cells):
        for name, value, why in _values_known(group):
            if name not in fixed:
                of.setdefault((name, value), {}).update(dict.fromkeys(why))
        for names, combinations in _combinations_left(group):
            left.setdefault(names, set()).update(combinations)
    found = [
        Unvaried(
            f"your --scope leaves out {name}={value}: {', '.join(why)}" if name in scope
            else f"--scope {name}={value} is in no cell: {', '.join(why)}", name in scope,
        )
        for (name, value), why in of.items()
    ]  # fmt: skip
    for names, combinations in left.items():
        first = min(combinations)
        asks = ",".join(f"{name}={value}" for name, value in zip(names, first, strict=True))
        told = f"{count(len(combinations), 'combination')} of {', '.join(names)} in no cell, e.g. --scope {asks}"
        found.append(Unvaried(told, chosen=False))
    return found


def open_because(found: Sequence[Unvaried]) -> list[str]:
    """What makes an answer INCONCLUSIVE."""
    return [one.said for one in found if not one.chosen]


def chosen_lines(found: Sequence[Unvaried]) -> list[str]:
    """What the user left out himself: it is said, and no more."""
    return [one.said for one in found if one.chosen]


def _groups(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells that a file of the user's plays a role in, by who plays it, and who the kernel and VMM are."""
    found = dict[Hashable, list[Cell]]()
    for cell in cells:
        roles = dict(zip(ROLES, cell.system.__bases__, strict=True))
        users = {role: cls for role, cls in roles.items() if users_file(cls)}
        if users:
            key = tuple((users | {r: roles[r] for r in AROUND}).items())
            found.setdefault((key, type(cell.scope)), []).append(cell)
    return list(found.values())


def _text(name: str, value: object) -> str:
    """As --scope reads it, by name where it has one that says something."""
    return value.name if isinstance(value, Enum) and name != "ioapic" else scope_value(value)


# --- choices of the user's scope ---


def _combinations_left(cells: Sequence[Cell]) -> Iterator[tuple[tuple[str, ...], set[tuple[str, ...]]]]:
    """Of the values that some cell has. That a value is in none is told by itself."""
    names = tuple(own_values(type(cells[0].scope)))
    tried = {tuple(_text(name, getattr(cell.scope, name)) for name in names) for cell in cells}
    values = [sorted({row[n] for row in tried}) for n in range(len(names))]
    varied = tuple(n for n, of in enumerate(values) if len(of) > 1)
    if left := set(itertools.product(*values)) - tried:
        yield tuple(names[n] for n in varied), {tuple(row[n] for n in varied) for row in left}


# --- every choice ---


def _values_known(cells: Sequence[Cell]) -> list[tuple[str, str, list[str]]]:
    """What _values_left() finds, values as --scope reads them. It is kept on disk: to find it systems are lowered."""
    record = _record_of(cells)
    if record is not None and (known := kept.read(record)) is not None:
        return [(name, value, why) for name, value, why in json.loads(known)]
    found = [(name, _text(name, value), why) for name, value, why in _values_left(cells)]
    if record is not None:
        kept.write(record, json.dumps(found).encode())
    return found


def _record_of(cells: Sequence[Cell]) -> Path | None:
    """Its name hashes those of the cells' programs (all source files, roles, sizes) and their choices. None if there is to be none."""
    programs = [kept.path_of(cell.system, cell.scope, ()) for cell in cells]
    if not all(programs) or programs[0] is None or os.environ.get("EOI_ANEW"):
        return None
    choices = [[(name, str(value)) for name, value in cell.scope.choices().items()] for cell in cells]
    named = sorted(repr((str(path), of)) for path, of in zip(programs, choices, strict=True))
    return programs[0].with_name(f"{hashlib.sha256(repr(named).encode()).hexdigest()}.unvaried")


def _values_left(cells: Sequence[Cell]) -> Iterator[tuple[str, ScopeValue, list[str]]]:
    """Each value of a choice that none of these cells has, and what the user's change does that may depend on it."""
    there = {(name, value) for cell in cells for name, value in cell.scope.choices().items()}
    missing = dict.fromkeys(other for cell in cells for other in other_choices(cell) if other not in there)
    if not missing:
        return
    before = _before(cells[0])
    starts = [Start(cell, _set_up(cell.system, cell.scope), before) for cell in {c.scope: c for c in cells}.values()]
    new = starts[0].new_reads()
    shown = {value for start in starts for value in start.now.values()}
    now = {stored for start in starts for stored in start.stores()} if new.fields or new.again else set[Stored]()
    for name, value in missing:
        why = [
            f"{_functions(of[name])} {reads} {name}"
            for of, reads in ((new.choices, "newly reads"), (new.dropped, "no longer reads")) if name in of
        ]  # fmt: skip
        why += _otherwise(new, name, encode(starts[0].program.choices[name], value))
        for start in starts:
            scope = with_values(start.cell.scope, {name: value})
            why += start.otherwise(scope, shown, new)
            gained = new_values(now, start.stores(scope), shown) if new.fields or new.again else set[Stored]()
            why += [f"{_functions(new.fields[of])} newly reads {of[1]}" for of, _ in gained if of in new.fields]
            why += [said for of, code in gained if code is not None for said in _otherwise(new, of, code)]
        if why:
            yield name, value, list(dict.fromkeys(why))


@dataclass(frozen=True)
class Start:
    """now: what the set-up of a cell leaves. before: the system without the user's changes, see _before()."""

    cell: Cell
    now: State
    before: type[Design] | None

    @functools.cached_property
    def program(self) -> Program:
        return lower(self.cell.system, self.cell.scope)

    def new_reads(self) -> NewReads:
        """Of a class that stands on none that is registered, all reads are new."""
        program = self.program
        if self.before is None:
            return new_reads(program, program, users_files(self.cell.system))
        alone = [role for role in self.cell.system.__bases__ if registered_base(_machine(role)) is None]
        files = {file for role in alone for file in users_files(role)}
        return new_reads(program, lower(self.before, _scope_of(self.before, self.cell.scope)), files)

    def stores(self, scope: Scope | None = None) -> set[Stored]:
        """What its steps may store; in another scope, if one is given."""
        values = (scope or self.cell.scope).choices()
        return stores(self.program, {name: encode(of, values[name]) for name, of in self.program.choices.items()})

    def otherwise(self, scope: Scope, shown: Collection[tuple[Field, int]], new: NewReads) -> Iterator[str]:
        """What the set-up does otherwise in a scope that was not explored. shown: the values that fields have in some that was."""
        try:
            then = _set_up(self.cell.system, scope)
        except ModelError:
            yield "there the set-up goes wrong"
            return
        for of, code in then.values():
            if (of, code) not in shown:
                if of in new.fields:
                    yield f"{_functions(new.fields[of])} newly reads {of[1]}"
                yield from _otherwise(new, of, code)
        for name in sorted(self._changed(scope, then) - self._changed(self.cell.scope, self.now)):
            yield f"the set-up makes another {name} there"

    def _changed(self, scope: Scope, state: State) -> set[str]:
        """The fields of the model that the change gives other values."""
        if self.before is None:
            return set()
        model = _set_up(self.before, _scope_of(self.before, scope))
        return {of[1] for path, (of, code) in model.items() if path in state and state[path][1] != code}


def _otherwise(new: NewReads, key: Field | str, code: int) -> list[str]:
    """What of it is read in other expressions than before, with this value."""
    found = [function.name for function, was in new.again.get(key, ()) if reads_otherwise(function, was, key, code)]
    return [f"{_functions(found)} reads {key if isinstance(key, str) else key[1]} otherwise"] if found else []


def _before(cell: Cell) -> type[Design] | None:
    """The system without the user's changes. None if there is none: a class of the user's that stands on nothing may need what
    another one adds."""
    roles = [_machine(role) for role in cell.system.__bases__]
    try:
        before = system_of(*((registered_base(role) or ("", role))[1] for role in roles))
        lower(before, _scope_of(before, cell.scope))
    except ModelError:
        return None
    return before


def _functions(names: Sequence[str]) -> str:
    return " and ".join(f"{name.rpartition('.')[2]}()" for name in names)


def _scope_of(system: type[Design], scope: Scope) -> Scope:
    """With what the system has of a scope's values."""
    of = scope_type([_machine(role) for role in system.__bases__])
    return with_values(of(), {name: value for name, value in vars(scope).items() if name in vars(of())})


def _machine(role: type) -> type[Machine]:
    assert issubclass(role, Machine)
    return role


# --- states ---


def _set_up(system: type[Design], scope: Scope) -> State:
    """The first state. Raises ModelError."""
    running = system(scope)
    running.initial()
    paths = list(_paths((), (None, ""), system.state_type(scope)))
    return {path: (of, code) for (path, of), code in zip(paths, Running(running).save(), strict=True)}


def _paths(path: Place, last: Field, of: Type) -> Iterator[tuple[Place, Field]]:
    """Of every value in the state, in the order in which model.lang.cells has them."""
    match of:
        case StructType(fields=fields):
            for name, kind in fields:
                yield from _paths((*path, name), field_of(of, name) if path else (None, name), kind)
        case TableType(row=row):
            for number in range(of.rows):
                yield from _paths((*path, number), last, row)
        case _:
            yield path, last
