"""What is asked of a function of the IR again and again: worked out once for each, as systems share their functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from checker.engine.identity import ByIdentity
from checker.language import ir
from checker.language.ir import Assign, Before, Bind, Call, Choice, Do, FieldOf, Function, Require, State, Store
from model.finite import StructType, TableType, Type

# The fields of every class of the IR that hold nodes of it.
NO_NODES = frozenset(["loc", "type", "name", "op", "code", "check", "var", "over"])
PARTS: dict[type, tuple[str, ...]] = {
    kind: tuple(part.name for part in fields(kind) if part.name not in NO_NODES)
    for kind in vars(ir).values()
    if isinstance(kind, type) and kind.__module__ == ir.__name__ and is_dataclass(kind)
}
LAST_FIRST = {kind: names[::-1] for kind, names in PARTS.items()}  # as a stack takes them


def walk(node: object) -> Iterator[object]:
    """Every IR node under a node or tuple of nodes, itself included, in source order; types are skipped."""
    waiting: list[object] = [node]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if isinstance(node, tuple):
            waiting.extend(reversed(node))
        elif kind in LAST_FIRST:
            yield node
            for name in LAST_FIRST[kind]:  # no generator: this runs for each node of each function, several times
                waiting.append(getattr(node, name))


@dataclass(frozen=True)
class Facts:
    """does: functions that change state and that it calls; calls: these and the pure ones, in order. fields: of the
    state, and choices: of the scope, that it names. records: the kinds of records that its places have. checks: it may
    itself disable the step or fault (its callees are not looked at). statements: the ids of its statements, which live as
    long as it does."""

    does: tuple[str, ...]
    calls: tuple[str, ...]
    fields: tuple[str, ...]
    choices: tuple[str, ...]
    records: tuple[StructType, ...]
    checks: bool
    statements: tuple[int, ...]


def _facts(function: Function) -> Facts:
    does, calls, named, choices = dict[str, None](), dict[str, None](), dict[str, None](), dict[str, None]()
    records, checks, statements = dict[StructType, None](), False, list[int]()
    for param in function.params:
        _add_records(param.type, records)
    for node in walk(function.body):
        if isinstance(node, ir.Stmt):
            statements.append(id(node))
        match node:
            case Do(name) | Call(name):
                calls[name] = None
                if isinstance(node, Do):
                    does[name] = None
            case FieldOf(base, name) if isinstance(base, State | Before):
                named[name] = None
            case Choice(name):
                choices[name] = None
            case Bind(place=place):
                _add_records(place.type, records)
            case Require():
                checks = True
            case Assign(check=True) | Store(check=True):
                checks = True
            case _:
                pass
    return Facts(
        tuple(does), tuple(calls), tuple(named), tuple(choices), tuple(records), checks, tuple(statements)
    )  # fmt: skip


def _add_records(of: Type, found: dict[StructType, None]) -> None:
    match of:
        case StructType():
            for _, kind in of.fields:
                _add_records(kind, found)
            found[of] = None
        case TableType(row=row):
            _add_records(row, found)
        case _:
            pass


facts = ByIdentity(_facts, most=20_000)


def reached(functions: Mapping[str, Function], names: Iterable[str]) -> list[Function]:
    """The functions of these names and all that they call, callees first, as `functions` has them."""
    wanted = set(names)
    found: list[Function] = []
    for name, function in reversed(list(functions.items())):  # callers come last
        if name in wanted:
            found.append(function)
            wanted.update(facts(function).calls)
    return found[::-1]
