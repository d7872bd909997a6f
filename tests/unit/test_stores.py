"""What steps may store with some choices, and not with others: nothing that stands behind one that is off."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from checker.engine.stores import new_values, stores
from checker.language.lower import lower
from model import lang
from model.lang import Design, require, step


@dataclass(frozen=True)
class Choices(lang.Scope):
    on: bool = False
    other: bool = False


class Toy(Design):
    """Each field is stored to in one way."""

    scope: Choices
    behind: bool
    in_function: bool
    by_pure: bool
    after_return: bool
    after_require: bool
    joined: bool
    negated: bool
    same_value: bool
    elsewhere: bool
    either: bool
    unknown: bool

    def is_on(self) -> bool:
        return self.scope.on

    def sets(self) -> None:
        self.in_function = True

    def leaves(self) -> None:
        if not self.scope.on:
            return
        self.after_return = True

    @step(by="guest")
    def all_but_one(self) -> None:
        self.unknown = not self.unknown
        self.same_value = False
        self.elsewhere = True
        self.leaves()
        if self.scope.on:
            self.behind = True
            self.sets()
            self.same_value = False
            self.elsewhere = True
        if self.is_on():
            self.by_pure = True
        if self.scope.on and self.unknown:
            self.joined = True
        if not self.scope.on:
            self.negated = True
        if self.scope.on == self.scope.other:
            self.either = True

    @step(by="guest")
    def guarded(self) -> None:
        require(self.scope.on)
        self.after_require = True


GAINED = {"behind", "in_function", "by_pure", "after_return", "after_require", "joined"}


@pytest.mark.parametrize(("other", "more"), [(0, set[str]()), (1, {"either"})])
def test_what_a_choice_lets_steps_store(other, more):
    program = lower(Toy, Choices())
    off, on = (stores(program, {"on": value, "other": other}) for value in (0, 1))
    first = {((None, name), 0) for name in Toy.__annotations__}
    assert new_values(off, on, first) == {((None, name), 1) for name in GAINED | more}
    assert new_values(on, off, first) == {((None, name), 1) for name in {"negated"} | ({"either"} - more)}
