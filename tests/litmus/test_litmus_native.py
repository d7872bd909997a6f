"""The native engine goes the way of every story, and has met where it ends."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from checker.engine.prepare import prepare
from checker.engine.search import Limits, NativeSearch
from checker.language.layout import instances
from checker.questions.litmus_run import Case, Run, cases_of, run_case
from checker.stories.trace import show
from model.finite import decode
from model.lang import Design, Scope
from tests.rigs.litmus_rig import FIND, STORIES

SMALL = 20_000  # states


@functools.cache
def explored(system: type[Design], scope: Scope) -> tuple[NativeSearch, list[tuple[str, list[str]]], bool]:
    """The search, the moves that its labels mean, and whether it is complete."""
    prepared = prepare(system, scope, [])
    search = NativeSearch(prepared.program, system, scope, keep_edges=False, library=prepared.library())
    params = {step.name: step.params for step in prepared.program.steps}

    def value(step: str, number: int, code: int) -> str:
        of: Any = params[step][number].type
        return show(decode(of, code))

    labels = [(i.step, [value(i.step, n, code) for n, code in enumerate(i.args)]) for i in instances(prepared.program)]
    return search, labels, search.run(Limits(max_states=SMALL), None).name == "COMPLETE"


def follow(search: NativeSearch, labels: list[tuple[str, list[str]]], run: Run) -> bytes:
    """The state that the native engine is in after a run's moves."""
    state = search.exploration.state(0)
    for move in run.moves():
        label = labels.index((move.step, list(map(show, move.args))))
        following = dict(search.exploration.successors(state))
        assert label in following, f"{move} is not possible"
        state = following[label]
    return state


CASES = [(name, case) for name, story in STORIES.items() for case in cases_of(story, FIND)]


@pytest.mark.parametrize("case", [c for _, c in CASES], ids=[f"{n}-{c}".replace(" ", "-") for n, c in CASES])
def test_the_native_engine_ends_in_the_same_states(case: Case) -> None:
    search, labels, complete = explored(case.cell.system, case.cell.scope)
    result = run_case(case)
    assert result.ends
    for codes, run in list(result.ends.items())[:50]:
        state = follow(search, labels, run)
        assert search.layout.from_bytes(state) == codes
        assert not complete or search.exploration.find(state) is not None


def test_most_stories_are_explored_to_the_end() -> None:
    whole = [explored(case.cell.system, case.cell.scope)[2] for _, case in CASES]
    assert sum(whole) > len(whole) / 2
