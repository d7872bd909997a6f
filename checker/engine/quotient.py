"""Search that keeps one state for all that differ in nothing but how rows are numbered (orbits.h).

Where no step notices a renaming in any state, what can be reached from a state, renamed, is what can be reached from the renamed
state, by as many steps. So of the orbit of each reachable state one is found here, as far from the beginning, and of no other
orbit; that the initial state is renamed, too, changes nothing of that. Of most steps it is known before that they notice
nothing (checker/symbolic/symmetric.py); those of which it is not are tried here, in each state that is expanded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from checker.engine.native import Stats
from checker.engine.orbits import Orbits
from checker.engine.prepare import Prepared
from checker.engine.reference import Codes, Reference
from checker.engine.search import Limits, NativeSearch, Outcome, RunOfStates
from checker.errors import InternalError
from checker.language.layout import Instance, instances
from checker.language.renaming import Renaming


class Noticed(Exception):
    """A step that is not the same, renamed, in a renamed state. step: None where another step comes instead."""

    def __init__(self, state: Codes, renaming: Renaming, step: Instance | None) -> None:
        super().__init__(state, renaming, step)
        self.state, self.renaming, self.step = state, renaming, step


class QuotientSearch(NativeSearch):
    """open_steps: the numbers of those to be tried, under the first `tried` renamings: the others make of these what is known to
    be noticed by none. Its edges lead to representatives, so no path of ids is a run: see walk()."""

    def __init__(
        self, prepared: Prepared, reference: Reference, orbits: Orbits, open_steps: Sequence[int], tried: int
    ) -> None:
        super().__init__(
            prepared.program, reference, keep_edges=False, prepared=prepared, noted=prepared.noted, orbits=orbits
        )
        self.orbits, self._start = orbits, reference.start
        self._open = prepared.linked().start(open_steps) if open_steps else None
        self._renamings, self._tried = tried, 0  # 0: states

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
        if self._open and self.exploration.notices(self._open, self._renamings, self._tried, expanded, found):
            state, renaming, label = map(int, found)
            every = instances(self.orbits.program)
            step = every[label] if label < len(every) else None
            raise Noticed(self.codes(state), self.orbits.renamings[renaming], step)
        self._tried = expanded

    def stands_for(self) -> int:
        """How many states all of those found stand for. Reachable are all of them if the initial state is the same under every
        renaming, and else no more."""
        return self.exploration.stands_for()

    def is_exact(self) -> bool:
        """Is the initial state the same under every renaming?"""
        return all(
            renaming.state(self.orbits.program, self._start) == self._start for renaming in self.orbits.renamings
        )

    def walk(self, states: Sequence[int], last: int | None = None) -> RunOfStates:
        """A run of the system through states that these stand for. last: the label of its last step, from what stands for the
        last but one, which need not lead to what stands for the last."""
        raw, upto = [self._raw(self._start)], len(states) - (last is not None)
        for wanted in states[1:upto]:
            following = self.exploration.successors(raw[-1])
            found = next((state for _, state in following if self.exploration.find(state) == wanted), None)
            if found is None:
                raise InternalError(
                    f"no step leads from what state {states[len(raw) - 1]} stands for to that of {wanted}"
                )
            raw.append(found)
        renaming = self._between(self.codes(states[upto - 1]), self.layout.from_bytes(raw[-1]))
        if last is not None:
            label = renaming.labels(self.orbits.program)[last]
            raw.append(dict(self.exploration.successors(raw[-1]))[label])
        return RunOfStates([self.layout.from_bytes(state) for state in raw], renaming)

    def _between(self, one: Codes, other: Codes) -> Renaming:
        """What makes a state another one."""
        program = self.orbits.program
        found = next((r for r in self.orbits.renamings if r.state(program, one) == other), None)
        if found is None:
            raise InternalError("a state and its representative are not renamed into each other")
        return found
