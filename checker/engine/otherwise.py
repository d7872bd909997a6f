"""Where a function reads a field or a choice in other expressions than the one that it replaces: `not x` for `x`. Told apart by
what is left of them with a certain value: `x and f()` and `x and g()` are the same where x is False."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from checker.engine.facts import LAST_FIRST, walk
from checker.engine.reads import Key, field_at
from checker.language.ir import (
    Assign,
    Choice,
    Compare,
    Const,
    Do,
    Function,
    If,
    IfElse,
    Load,
    Logic,
    Not,
    Require,
    Return,
    Store,
)


def reads_otherwise(function: Function, was: Function, key: Key, code: int) -> bool:
    """With this value of it."""
    now, then = (Counter(_shape(_folded(e, key, code)) for e in _reading(f, key)) for f in (function, was))
    return bool(now - then)


def _reading(function: Function, key: Key) -> Iterator[object]:
    """The outermost expressions that read it."""
    for node in walk(function.body):
        match node:
            case If(test=of) | Require(test=of) | Store(value=of) | Assign(value=of) | Return(value=of) | Do(args=of):
                if any(_is(inner, key) for inner in walk(of)):
                    yield of
            case _:
                pass


def _is(node: object, key: Key) -> bool:
    match node:
        case Choice(name=name):
            return name == key
        case Load(place=place):
            return field_at(place) == key
        case _:
            return False


def _folded(node: Any, key: Key, code: int) -> Any:
    if isinstance(node, tuple):
        return tuple(_folded(part, key, code) for part in node)
    if isinstance(node, Load | Choice) and _is(node, key):
        return Const(code, node.type, node.loc)
    parts = {name: _folded(getattr(node, name), key, code) for name in LAST_FIRST.get(type(node), ())}
    return _simple(replace(node, **parts)) if parts else node


def _simple(e: Any) -> Any:
    match e:
        case Not(operand=Const(code=value)):
            return Const(1 - value, e.type, e.loc)
        case Logic(op=op, left=Const(code=value), right=other) | Logic(op=op, left=other, right=Const(code=value)):
            ends = 0 if op == "and" else 1
            return Const(ends, e.type, e.loc) if value == ends else other
        case Compare(op="==" | "!=" as op, left=Const(code=one), right=Const(code=another)):
            return Const(int((one == another) == (op == "==")), e.type, e.loc)
        case IfElse(test=Const(code=value), then=then, other=other):
            return then if value else other
        case _:
            return e


def _shape(node: object) -> object:
    """Without where it stands."""
    if isinstance(node, tuple):
        return tuple(map(_shape, node))
    if type(node) not in LAST_FIRST:
        return node
    return type(node), *(_shape(getattr(node, f.name)) for f in fields(node) if f.name != "loc")  # type: ignore[arg-type]
