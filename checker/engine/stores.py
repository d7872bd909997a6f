"""What the steps of a program may store where, with choices that have these values: what stands behind a choice that is off is
stored by nobody. Nothing else is known of what is tested, so more may be found than any run stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from checker.engine.facts import walk
from checker.engine.reads import Field, field_at
from checker.language.ir import (
    Break,
    Call,
    Choice,
    Compare,
    Const,
    Continue,
    Do,
    Expr,
    For,
    If,
    Load,
    Logic,
    Not,
    Place,
    Program,
    Require,
    Return,
    Stmt,
    Store,
)

Stored: TypeAlias = tuple[Field, int | None]  # None: it may be any value
ENDS = (Return, Continue, Break)


def stores(program: Program, choices: Mapping[str, int]) -> set[Stored]:
    """choices: their codes. A value that the same field has already is nothing new."""
    found, waiting = _Stores(program, choices), [step.name for step in program.steps]
    met = set[str]()
    while waiting:
        name = waiting.pop()
        if name not in met:
            met.add(name)
            waiting += found.of(program.functions[name].body)
    return found.stored


@dataclass
class _Stores:
    program: Program
    choices: Mapping[str, int]
    stored: set[Stored] = field(default_factory=set[Stored])

    def of(self, body: Sequence[Stmt]) -> Iterator[str]:
        """Note what these statements store; the functions that they call."""
        for stmt in body:
            match stmt:
                case If(test=test, then=then, other=other):
                    known = self.known(test)
                    taken = [then, other] if known is None else [then if known else other]
                    for part in taken:
                        yield from self.of(part)
                    yield from _called(test)
                    if all(part and isinstance(part[-1], ENDS) for part in taken):
                        return
                case For(body=inner):
                    yield from self.of(inner)
                case Require(test=test):
                    yield from _called(test)
                    if self.known(test) == 0:
                        return
                case Store(place=place, value=value):
                    self._store(place, value)
                    yield from _called(stmt)
                case _:
                    yield from _called(stmt)

    def _store(self, place: Place, value: Expr) -> None:
        if isinstance(value, Load) and field_at(value.place) == field_at(place):
            return
        if (of := field_at(place)) is not None:
            self.stored.add((of, value.code if isinstance(value, Const) else self.known(value)))

    def known(self, e: Expr) -> int | None:
        """What it is if the choices say it."""
        match e:
            case Const(code=code):
                return code
            case Choice(name=name):
                return self.choices.get(name)
            case Not(operand=operand):
                value = self.known(operand)
                return None if value is None else 1 - value
            case Logic(op=op, left=left, right=right):
                return _logic(op, self.known(left), self.known(right))
            case Compare(op="==" | "!=" as op, left=left, right=right):
                sides = self.known(left), self.known(right)
                return None if None in sides else int((sides[0] == sides[1]) == (op == "=="))
            case Call(function=name):
                body = self.program.functions[name].body
                alone = body[0] if len(body) == 1 else None
                return self.known(alone.value) if isinstance(alone, Return) and alone.value is not None else None
            case _:
                return None


def _logic(op: str, left: int | None, right: int | None) -> int | None:
    ends = 0 if op == "and" else 1  # whatever the other one is
    if ends in (left, right):
        return ends
    return None if None in (left, right) else 1 - ends


def _called(node: object) -> Iterator[str]:
    for inner in walk(node):
        if isinstance(inner, Do):
            yield inner.function


def new_values(now: Collection[Stored], then: Collection[Stored], shown: Collection[Stored]) -> set[Stored]:
    """What fields may take then that they do not take now. shown: what they have at first."""
    anything = {of for of, code in now if code is None}
    return {(of, code) for of, code in then if of not in anything and (of, code) not in now and (of, code) not in shown}
