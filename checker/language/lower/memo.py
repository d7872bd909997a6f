"""What was lowered once is not lowered again for the next system that means the same by it.

The lowering of a function asks the program under construction a few questions: what a field is, what a constant is,
which function a call runs. It is deterministic: where each question gets the answer that it got before, it makes the
same IR. So a result is kept with the questions that led to it, in their order, and serves every system that answers
all of them alike. Asking stops at the first answer that differs, so nothing is asked, and no function is lowered for
an answer, that lowering itself would not have asked for. Systems that share a role so share its functions, object by
object; nothing is looked up by a name, and nothing outlives the process.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from checker.language.ir import Function, Loc
from checker.language.lower.context import Linker, Signature
from model.finite import StructType, Type
from model.lang import Scope

Question: TypeAlias = tuple[str, str | StructType, type | None]  # (kind, what, after which class)


@dataclass(frozen=True)
class Kept:
    """A function, where its first write and its first guard are, and each question that it asked, with the answer."""

    function: Function
    write: Loc | None
    guard: Loc | None
    asked: tuple[tuple[Question, Hashable], ...]


KEPT: dict[Hashable, list[Kept]] = {}
MOST = 20_000  # names; a matrix of all designs has a few thousand, and then it begins anew


def sizes_of(scope: Scope) -> Hashable:
    """What lowering reads of a scope: its sizes, and the kinds of its choices."""
    choices = tuple((name, type(value)) for name, value in scope.choices().items())
    return type(scope), tuple(scope.sizes().items()), choices


class Asking:
    """A program under construction, as one function asks it; the answers are noted. What is asked for a refusal is not:
    a refusal is never kept."""

    def __init__(self, linker: Linker) -> None:
        self.linker = linker
        self.scope, self.state = linker.scope, linker.state
        self.asked = dict[Question, Hashable]()

    def method(self, name: str, after: type | None) -> Signature | None:
        found = self.linker.method(name, after)
        self.asked["method", name, after] = _shape(found)
        return found

    def field(self, name: str) -> Type | None:
        found = self.linker.field(name)
        self.asked["field", name, None] = found
        return found

    def constant(self, name: str) -> object:
        found = self.linker.constant(name)
        self.asked["constant", name, None] = _plain(found)
        return found

    def record(self, of: StructType) -> StructType:
        found = self.linker.record(of)
        self.asked["record", of, None] = found
        return found

    def method_names(self) -> list[str]:
        return self.linker.method_names()

    def in_patch(self, loc: Loc) -> bool:
        return self.linker.in_patch(loc)


def keep(name: Hashable, kept: Kept) -> None:
    if len(KEPT) >= MOST:
        KEPT.clear()
    KEPT.setdefault(name, []).append(kept)


def known(name: Hashable, linker: Linker) -> Kept | None:
    """What was kept under this name and is what lowering would make here. Raises Refused as lowering would."""
    return next((kept for kept in KEPT.get(name, ()) if _holds(kept, linker)), None)


def _holds(kept: Kept, linker: Linker) -> bool:
    return all(_answer(question, linker) == answer for question, answer in kept.asked)


def _answer(question: Question, linker: Linker) -> Hashable:
    match question:
        case "method", str(name), after:
            return _shape(linker.method(name, after))
        case "field", str(name), _:
            return linker.field(name)
        case "constant", str(name), _:
            return _plain(linker.constant(name))
        case "record", StructType() as of, _:
            return linker.record(of)
        case _:
            raise AssertionError(question)


def _shape(signature: Signature | None) -> Hashable:
    """What a caller's IR depends on: where a write is only words of a refusal say."""
    if signature is None:
        return None
    writes, guards = signature.write is not None, signature.guard is not None
    return signature.name, signature.params, signature.returns, writes, guards


def _plain(value: object) -> Hashable:
    """A constant of the language with its class, as True == 1; of anything else, nothing."""
    return (type(value), value) if isinstance(value, bool | int | Enum) else None
