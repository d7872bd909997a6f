"""Searches from key to key are those that unpack and pack each state. (That each step does the same on keys as on cells, in any
state, is asked wherever tests.rigs.cgen_harness and tests.rigs.compare run a program.)"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated
from unittest import mock

import pytest

from checker.engine import cgen_key, native, prepare
from checker.engine.build import load_c
from checker.engine.cgen import generate
from checker.engine.native import Outcome
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.lower import lower
from model.lang import Design, Index, Scope, require, step
from tests.rigs.compare import assert_same_search
from tools import toys

ONE_WORD = toys.Sizes(cpus=1, pins=3)
TWO_WORDS = toys.Sizes(cpus=4, pins=3)  # what the last CPU is doing lies in both
MOST = 20_000  # states


class Counter(Design):
    """Stores a value out of range after some steps."""

    scope: Scope
    up: Annotated[int, Index(10)]
    down: Annotated[int, Index(10)]

    @step(by="device")
    def count_up(self) -> None:
        require(self.up < 9)
        self.up = self.up + 1

    @step(by="device")
    def count_down(self) -> None:
        require(self.up > 3)
        self.down = self.down + 3


def searched(design: type[Design], scope: Scope, write: Callable[..., str], threads: int = 1) -> NativeSearch:
    """write: what makes its C."""
    quickly = mock.patch.object(prepare, "load_c", lambda text, _flags: load_c(text, ("-O0", "-w")))
    with mock.patch.object(prepare, "generate_large", write), quickly:
        search = NativeSearch(lower(design, scope), Reference(design, scope), keep_edges=True)
    assert hasattr(search._library, "eoi_keys") == (write.__name__ == "generate_large")
    search.run(Limits(max_states=MOST, threads=threads), None)
    return search


def assert_same_on_cells(on_keys: NativeSearch, design: type[Design], scope: Scope) -> None:
    assert_same_search(on_keys, searched(design, scope, generate))


@pytest.mark.parametrize(("scope", "threads"), [(ONE_WORD, 1), (TWO_WORDS, 1), (TWO_WORDS, 2)])
def test_from_key_to_key(scope: toys.Sizes, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if threads > 1:
        monkeypatch.setattr(native, "BORDER", 0)
    found = searched(toys.Toy, scope, cgen_key.generate_large, threads)
    assert found.stats().states > 2000
    assert_same_on_cells(found, toys.Toy, scope)


def test_choices_of_the_scope() -> None:
    """Two searches of one library: what a step may do depends on them."""
    sizes = [toys.Sizes(cpus=1, pins=1, directed=directed) for directed in (False, True)]
    few, many = (searched(toys.Toy, scope, cgen_key.generate_large) for scope in sizes)
    assert few.outcome is many.outcome is Outcome.COMPLETE and few.stats().states < many.stats().states
    for scope, found in zip(sizes, (few, many), strict=True):
        assert_same_on_cells(found, toys.Toy, scope)


def test_a_fault_is_told_by_the_cells() -> None:
    found = searched(Counter, Scope(), cgen_key.generate_large)
    assert found.outcome is Outcome.FAULT and found.exploration.fault.label == 1
    assert found.codes(found.exploration.fault.src)[1] == 9, "the first that cannot count on"
    assert_same_on_cells(found, Counter, Scope())


MISTAKES = {
    "no second word when read": ("bits |= s->word[at / 64 + 1]", "bits |= 0 & s->word[at / 64 + 1]"),
    "no second word when written": ("word[1] = (word[1] &", "word[0] = (word[0] &"),
    "what was there stays": ("word[0] & ~(ONES(width) << at % 64)", "word[0]"),
    "a bit too few": ("return bits & ONES(width);", "return bits & ONES(width) >> (width > 2);"),
    "what a field has no room for is cut": ("s->spilt |= value & ~ONES(width);", ""),
}


@pytest.mark.parametrize("mistake", list(MISTAKES)[:-1])
def test_a_wrong_key_is_seen(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(mistake, monkeypatch)
    found = searched(toys.Toy, TWO_WORDS, cgen_key.generate_large)
    with pytest.raises(AssertionError):
        assert_same_on_cells(found, toys.Toy, TWO_WORDS)


def seed(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = MISTAKES[mistake]
    assert cgen_key.HELPERS.count(right) == 1
    monkeypatch.setattr(cgen_key, "HELPERS", cgen_key.HELPERS.replace(right, wrong))


def unchecked(write: Callable[..., str]) -> Callable[..., str]:
    """As if the program was sure of its range: 12 and 10 are no more than a field has room for, 16 is."""

    @functools.wraps(write)
    def text(*args: object) -> str:
        found = write(*args)
        assert "checked > 9" in found
        return found.replace("checked > 9", "checked > 99")

    return text


def test_what_spills_is_told_by_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    on_keys, on_cells = (searched(Counter, Scope(), unchecked(write)) for write in (cgen_key.generate_large, generate))
    assert on_keys.outcome is Outcome.FAULT and on_keys.exploration.fault.stray
    assert_same_search(on_keys, on_cells)
    seed(list(MISTAKES)[-1], monkeypatch)
    assert searched(Counter, Scope(), unchecked(cgen_key.generate_large)).outcome is Outcome.COMPLETE
