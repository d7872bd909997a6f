"""The stories of tests/litmus, by file name, the classes that they name, and their systems as the native engine has them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.engine.prepare import prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.language.layout import instances
from checker.matrix.select import find_role
from checker.questions.litmus import History, stories_in
from checker.stories.trace import show
from model.finite import decode
from model.lang import Design, Scope

HERE = Path(__file__).parents[1] / "litmus"
FIND = functools.cache(find_role)
STORIES = {story.path.stem: story for story in stories_in([HERE])}
SMALL = 20_000  # states


@dataclass(frozen=True)
class Native:
    """A search, the moves that its labels mean, and whether it is complete."""

    search: NativeSearch
    labels: list[tuple[str, list[str]]]
    complete: bool

    def follow(self, run: History) -> bytes:
        """The state that the native engine is in after a run's moves."""
        state = self.search.exploration.state(0)
        for move in run.moves():
            label = self.labels.index((move.step, list(map(show, move.args))))
            following = dict(self.search.exploration.successors(state))
            assert label in following, f"{move} is not possible"
            state = following[label]
        return state


@functools.lru_cache(maxsize=64)
def explored(system: type[Design], scope: Scope) -> Native:
    """A system with up to SMALL of its states explored."""
    prepared = prepare(system, scope, [])
    search = NativeSearch(prepared.program, Reference(system, scope), keep_edges=False, prepared=prepared)
    params = {step.name: step.params for step in prepared.program.steps}

    def value(step: str, number: int, code: int) -> str:
        of: Any = params[step][number].type
        return show(decode(of, code))

    labels = [(i.step, [value(i.step, n, code) for n, code in enumerate(i.args)]) for i in instances(prepared.program)]
    return Native(search, labels, search.run(Limits(max_states=SMALL), None).name == "COMPLETE")
