"""A native exploration against CPython, for graphs through which CPython is not sent.

The argument for its count of states: the start is stored; for a seeded sample of the states, CPython finds the same
successors, all of them stored (nothing is missing), and CPython confirms each step on the way from the start (nothing is
there that is not reachable). No state is stored twice.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

from checker.engine.native import Exploration
from checker.engine.reference import Reference
from checker.engine.search import NativeSearch
from checker.language.layout import Layout
from checker.matrix.cells import Cell
from model.lang import Property
from tests.rigs.model_cells import Explored, assert_engines_agree, explored
from tests.rigs.volume import volume

NOT_SMALL = volume(300, 10_000_000)  # states


def agrees_by_day(cell: Cell, known: Mapping[str, Property] | None = None) -> None:
    """All of a small graph: states, edges, verdicts, each formula. Of another, by day, what is sampled: states, where they
    were found, their steps and what every formula says there and where the engine saw each of its values first."""
    native = explored(cell, "native", known)
    if native.search.stats().states <= NOT_SMALL:
        assert_engines_agree(cell, known)
    else:
        agrees_on_a_sample(native, 100)
        native.judge.recheck.states(volume(40, 100))


def agrees_on_a_sample(explored: Explored, size: int) -> None:
    search = explored.search
    assert isinstance(search, NativeSearch)
    reference = Reference(explored.cell.system, explored.cell.scope)
    exploration, layout = search.exploration, search.layout
    count = search.stats().states
    assert search.codes(0) == reference.start
    sample = random.Random(20250918).sample(range(1, count), size)
    ends = exploration.level_ends()
    assert int(ends[-1]) == count
    for number in sample:
        ours = sorted(
            (label, layout.from_bytes(raw)) for label, raw in exploration.successors(exploration.state(number))
        )
        theirs = sorted(reference.successors(search.codes(number)))
        assert ours == theirs
        assert all(_number(exploration, layout, explored.cell, codes) is not None for _, codes in theirs)
        assert _number(exploration, layout, explored.cell, search.codes(number)) == number
    for number in sample[: size // 10]:
        path = search.path_to(number)
        for before, after in itertools.pairwise(path):
            assert search.codes(after) in [codes for _, codes in reference.successors(search.codes(before))]
    keys = exploration.packed()
    assert len({row.tobytes() for row in keys}) == count


def _number(exploration: Exploration, layout: Layout, cell: Cell, codes: tuple[int, ...]) -> int | None:
    """The id under which the engine stored a state, if it did."""
    words = int.from_bytes(layout.to_bytes(codes), "little")
    for k, word in enumerate(layout.frozen(cell.scope.choices())):
        words |= word << (64 * k)
    return exploration.find(words.to_bytes(8 * layout.words8, "little"))
