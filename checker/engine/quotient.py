"""Search that keeps one state for all that differ in nothing but how rows are numbered (orbits.h).

It stands for a search of all states if the initial state is the same under every renaming, and no step notices one
in any state: then states that are renamed into each other are equally far from the beginning, and go on alike. Of most
steps that is known before (checker/symbolic/symmetric.py); those of which it is not are tried here, in each state that is
expanded, under each renaming.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from checker.engine.native import Stats
from checker.engine.orbits import Orbits
from checker.engine.prepare import Prepared
from checker.engine.reference import Codes, Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.errors import InternalError
from checker.language.layout import Instance, instances
from checker.language.renaming import Renaming


class Noticed(Exception):
    """A step that is not the same, renamed, in a renamed state. step: None where another step comes instead."""

    def __init__(self, state: Codes, renaming: Renaming, step: Instance | None) -> None:
        super().__init__(state, renaming, step)
        self.state, self.renaming, self.step = state, renaming, step


class QuotientSearch(NativeSearch):
    """open_steps: the numbers of those to be tried. Its edges lead to representatives, so no path of ids is a run: see walk()."""

    def __init__(self, prepared: Prepared, reference: Reference, orbits: Orbits, open_steps: Sequence[int]) -> None:
        super().__init__(
            prepared.program, reference, keep_edges=False, prepared=prepared, noted=prepared.noted, orbits=orbits
        )
        self.orbits = orbits
        self._open = prepared.linked().start(open_steps) if open_steps else None
        self._tried = 0  # states

    def run(self, limits: Limits, on_progress: Callable[[Stats], None] | None) -> Outcome:
        """Raises Noticed."""

        def watch(stats: Stats) -> None:
            self._try()
            if on_progress is not None:
                on_progress(stats)

        outcome = super().run(limits, watch)
        self._try()
        return outcome

    def _try(self) -> None:
        """Those states that were expanded since."""
        expanded, found = self.stats().expanded, (ctypes.c_uint32 * 3)()
        if self._open is not None and self.exploration.notices(self._open, self._tried, expanded, found):
            state, renaming, label = map(int, found)
            every = instances(self.orbits.program)
            step = every[label] if label < len(every) else None
            raise Noticed(self.codes(state), self.orbits.renamings[renaming], step)
        self._tried = expanded

    def stands_for(self) -> int:
        """How many states all of those found stand for."""
        return self.exploration.stands_for()

    def walk(self, states: Sequence[int], last: int | None = None) -> list[Codes]:
        """A run through states that these stand for, which ends in the last of them; with `last`, the label of its last step,
        in the state to which that leads from the last but one."""
        raw = [self.exploration.state(states[0])]
        upto = len(states) - (last is not None)
        for wanted in states[1:upto]:
            following = (state for _, state in self.exploration.successors(raw[-1]))
            found = next((state for state in following if self.exploration.find(state) == wanted), None)
            if found is None:
                raise InternalError(
                    f"no step leads from a state that {states[len(raw) - 1]} stands for to one of {wanted}"
                )
            raw.append(found)
        walked = self._ending_in(self.codes(states[upto - 1]), [self.layout.from_bytes(state) for state in raw])
        if last is not None:
            taken = dict(self.exploration.successors(self.exploration.state(states[upto - 1])))
            walked.append(self.layout.from_bytes(taken[last]))
        return walked

    def _ending_in(self, end: Codes, run: Sequence[Codes]) -> list[Codes]:
        """A run renamed so that it ends there."""
        program = self.orbits.program
        for renaming in self.orbits.renamings:
            if renaming.state(program, run[-1]) == end:
                return [renaming.state(program, codes) for codes in run]
        raise InternalError("a state and its representative are not renamed into each other")
