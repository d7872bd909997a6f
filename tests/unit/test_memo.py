"""What was lowered for one design serves another one only if every question has the same answer there.

Each pair of designs shares a function, and answers one question of its lowering differently. What is made of the second
is compared with CPython; with a memo that ignores that answer, it must fail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.engine.build import CompileFailed
from checker.language.lower import lower, memo, program
from checker.language.refusal import Refused
from model.lang import Design, compose
from tests.rigs.compare import compare_everywhere, load_module
from tests.rigs.header import Sizes

TOYS = """\
from tests.rigs.header import *


class Base(Design):
    scope: Sizes
    TOP = 1
    on: bool
    pin: Pin
    rows: Table[Cpu, Row]

    def top(self) -> bool:
        return self.pin == self.TOP

    def check(self) -> None:
        if self.on:
            return

    def swap(self, row: Row) -> None:
        row.line = not row.line

    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        self.check()
        require(self.top() or self.on)
        self.pin = self.TOP
        self.swap(self.rows[cpu])
        self.rows[0] = self.rows[1]

    @step(by="guest")
    def late(self) -> None:
        self.pin = 0
        self.check()


class AnotherConstant(Base):
    TOP = 2


class AnotherClassOfConstant(Base):
    TOP = True


class Writes(Base):
    def check(self) -> None:
        self.on = not self.on


class Guards(Base):
    def check(self) -> None:
        require(self.on)


class WideRow(Row):
    noted: bool = False


class WiderRecord(Base):
    rows: Table[Cpu, WideRow]


class Uses(Design):
    scope: Sizes
    pin: Pin

    @step(by="guest")
    def use(self) -> None:
        self.pin = 2 if self.mark == 1 else 0


class OfPins(Design):
    scope: Sizes
    mark: Pin


class OfMaybePins(Design):
    scope: Sizes
    mark: Pin | None


class Root(Design):
    scope: Sizes
    pin: Pin

    def deep(self) -> None:
        self.pin = 0


class Upper(Root):
    @step(by="guest")
    def dive(self) -> None:
        self.deep()

    def deep(self) -> None:
        super().deep()


class Lower(Root):
    def deep(self) -> None:
        self.pin = 2
"""
REFUSED = {"AnotherClassOfConstant", "Writes", "Guards"}
# The question that tells two designs apart: the first one, which is lowered before, and the second.
PAIRS = {
    "AnotherConstant": ("constant", ("Base",), ("AnotherConstant",)),
    "AnotherClassOfConstant": ("constant", ("Base",), ("AnotherClassOfConstant",)),
    "Writes": ("method", ("Base",), ("Writes",)),
    "Guards": ("method", ("Base",), ("Guards",)),
    "WiderRecord": ("record", ("Base",), ("WiderRecord",)),
    "FieldType": ("field", ("Uses", "OfPins"), ("Uses", "OfMaybePins")),
    "Above": ("method", ("Upper",), ("Upper", "Lower")),
}


@pytest.fixture(autouse=True)
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The designs in a module of their own, and an empty memo."""
    (tmp_path / "memo_toys.py").write_text(TOYS)
    load_module(tmp_path / "memo_toys.py", "memo_toys")
    kept = dict[object, list[memo.Kept]]()
    monkeypatch.setattr(memo, "KEPT", kept)
    yield
    del sys.modules["memo_toys"]


def system(names: tuple[str, ...]) -> type[Design]:
    classes = [getattr(sys.modules["memo_toys"], name) for name in names]
    return classes[0] if len(classes) == 1 else compose(*classes)


def check(name: str) -> None:
    """The second design of the pair, lowered after the first. Raises AssertionError."""
    _, first, second = PAIRS[name]
    lower(system(first), Sizes())
    if name in REFUSED:
        try:
            lower(system(second), Sizes())
        except Refused:
            return
        raise AssertionError("it must be refused")
    lowering = program.ProgramLowering(system(second), Sizes(), keeps=True)
    made = program._program(lowering, [])  # lower() would do without the memo where it led to a refusal
    compare_everywhere(made, system(second), Sizes(), 60)


@pytest.mark.parametrize("name", PAIRS)
def test_designs_that_answer_differently_share_nothing_wrong(name: str) -> None:
    check(name)


@pytest.mark.parametrize("name", PAIRS)
def test_a_memo_that_ignores_the_answer_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = PAIRS[name][0]

    def holds(kept: memo.Kept, linker: memo.Linker) -> bool:
        return all(memo._answer(asked, linker) == answer or asked[0] == ignored for asked, answer in kept.asked)

    monkeypatch.setattr(memo, "_holds", holds)
    with pytest.raises((AssertionError, CompileFailed, KeyError, Refused)):
        check(name)


def writes_only(signature: memo.Signature | None) -> object:
    return signature and (signature.name, signature.params, signature.returns, signature.write is not None)


def guards_only(signature: memo.Signature | None) -> object:
    return signature and (signature.name, signature.params, signature.returns, signature.guard is not None)


@pytest.mark.parametrize(("name", "shape"), [("Guards", writes_only), ("Writes", guards_only)])
def test_a_memo_that_knows_less_of_a_callee_is_noticed(
    name: str, shape: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "_shape", shape)
    with pytest.raises(AssertionError):
        check(name)


def test_one_and_true_are_two_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "_plain", lambda value: value)
    with pytest.raises(AssertionError):
        check("AnotherClassOfConstant")


def test_what_is_alike_is_the_same_object() -> None:
    one, other = (lower(system(names), Sizes()) for names in (("Base",), ("AnotherConstant",)))
    assert one.functions["swap"] is other.functions["swap"] and one.functions["check"] is other.functions["check"]
    assert one.functions["top"] is not other.functions["top"]


def test_other_sizes_are_lowered_anew() -> None:
    lower(system(("Base",)), Sizes())
    for scope in (Sizes(pins=2), Sizes(cpus=3)):
        compare_everywhere(lower(system(("Base",)), scope), system(("Base",)), scope, 40)
