"""Finished searches, for systems that do the same.

What a search found is a function of where it starts, of what the steps do in the states that it found, of what a run owes
to them, of what the formulas say there, and of the limits. So where these are equal one search serves: steps and
formulas that are the same pieces of C under equal choices (meaning.py) are equal, and other steps are if they were taken
in each of those states and did the same there. Each system's runs are still confirmed in its own Python.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from checker.engine.linked import LinkedProgram
from checker.engine.meaning import Under, pieces_under
from checker.engine.native import NoCompiler, Outcome
from checker.engine.prepare import Prepared
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, ReferenceSearch, fairness_of, open_search
from checker.language.layout import Layout

KEPT_BYTES = 1 << 28  # of finished searches


@dataclass(frozen=True)
class _Asked:
    """What is asked for: a program under the choices of a scope. key: what has to be equal, whatever the steps do."""

    program: LinkedProgram
    reference: Reference
    key: Hashable
    steps: list[Under]

    def done_by(self, search: NativeSearch, steps: list[Under]) -> bool:
        """steps: those of the search's program."""
        others = [k for k, (one, other) in enumerate(zip(self.steps, steps, strict=True)) if one != other]
        frozen = np.array(Layout(self.program.program).frozen(self.reference.scope.choices()), np.uint64)
        return not others or search.does_as(self.program, frozen, others)


@dataclass
class Shared:
    """Searches so far, of one thread."""

    _found: dict[Hashable, list[tuple[list[Under], NativeSearch]]] = field(default_factory=dict)
    _met: set[bytes] = field(default_factory=set)

    def run(self, prepared: Prepared, reference: Reference, limits: Limits) -> NativeSearch | ReferenceSearch:
        """A search that says what that of this system would, run to its end."""
        asked = _asked(prepared, reference, limits)
        if asked and (known := self._known(asked)):
            return known
        search = open_search(prepared, reference, "auto")
        search.run(limits, None)
        if asked and isinstance(search, NativeSearch) and search.outcome is Outcome.COMPLETE:
            if sum(s.stats().bytes for found in self._found.values() for _, s in found) > KEPT_BYTES:
                self._found.clear()
            self._found.setdefault(asked.key, []).append((asked.steps, search))
        return search

    def _known(self, asked: _Asked) -> NativeSearch | None:
        found = self._found.get(asked.key, ())
        return next((search for steps, search in found if asked.done_by(search, steps)), None)

    def is_new(self, prepared: Prepared) -> bool:
        """Was its program (with whatever choices) not asked for before?"""
        try:
            program = prepared.linked().meaning.digest
        except NoCompiler:
            program = b""
        new = program not in self._met
        self._met.add(program)
        return new


def _asked(prepared: Prepared, reference: Reference, limits: Limits) -> _Asked | None:
    """None without a compiler."""
    try:
        linked = prepared.linked()
    except NoCompiler:
        return None
    rest, steps = pieces_under(linked.program, linked.meaning, reference.scope.choices())
    fairness = tuple(fairness_of(prepared.program, reference.design))
    return _Asked(linked, reference, (rest, reference.start, fairness, limits), steps)
