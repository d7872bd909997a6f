"""Of all bindings that break a leads_to, the one with the shortest stem is told, however long its loop is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import pytest

from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, open_search
from checker.matrix.cells import Cell
from checker.questions.verdict import Judge, Status
from model.lang import Design, Fair, Index, Scope, leads_to, require, step

Place: TypeAlias = Annotated[int, Index(9)]
Way: TypeAlias = Annotated[int, Index(2)]


@dataclass(frozen=True)
class Nothing(Scope):
    sure: bool = True


class Roads(Design):
    """From 0: three steps to 3, and a loop of one there; or one step to 4, and a loop of five."""

    scope: Nothing
    at: Place

    @step(by="walker", fair=Fair.WEAK)
    def slowly(self) -> None:
        require(self.at < 3)
        self.at += 1

    @step(by="walker", fair=Fair.WEAK)
    def wait(self) -> None:
        require(self.at == 3)
        self.at = 3

    @step(by="walker", fair=Fair.WEAK)
    def jump(self) -> None:
        require(self.at == 0)
        self.at = 4

    @step(by="walker", fair=Fair.WEAK)
    def around(self) -> None:
        require(self.at > 3)
        if self.at == 8:
            self.at = 4
        else:
            self.at += 1


@leads_to()
def comes_back(s: Roads, way: Way) -> tuple[bool, bool]:
    """Whoever got somewhere comes back."""
    return (s.at == 3 and way == 0) or (s.at == 4 and way == 1), s.at == 0


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_the_binding_with_the_shortest_stem_is_told(engine: str) -> None:
    scope = Nothing()
    prepared, reference = prepare(Roads, scope, [comes_back]), Reference(Roads, scope)
    search = open_search(prepared, reference, engine)
    search.run(Limits(), None)
    verdict = Judge(Cell({}, Roads, scope), prepared, search, reference).verdict(comes_back)  # type: ignore[arg-type]
    assert verdict.status is Status.VIOLATED and verdict.run is not None
    assert verdict.binding == {"way": 1}
    assert (verdict.run.loop_start, verdict.run.length) == (1, 6)  # the other: a stem of 3, and 4 steps in all
