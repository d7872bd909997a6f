"""Weak bisimulation and the shortest experiment are what their definitions say, on small graphs; and each of the mistakes
that one makes in them is found out by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from checker.errors import InternalError
from checker.questions import bisimulation, experiment, nfc, weak
from checker.questions.experiment import FIRST, SECOND, Experiment, ExperimentSearch, Telling, TooMany, Walk
from checker.questions.nfc import decide
from checker.questions.weak import Labelled, TooLarge, diverging, strong_quotient, weakly_alike
from tests.rigs.weak_toys import Toy, random_toy, shortest_telling, weakly_alike_by_definition

TOYS, STATES = 300, 4
LONGEST = 7


def toy(*steps: tuple[int, int, int], colours: str = "") -> Toy:
    states = max((max(s, t) for s, _, t in steps), default=0) + 1
    return Toy(tuple(map(ord, colours)) or (0,) * states, frozenset(steps))


# (name, graph, one, other, alike, how it is told and in how many steps)
CASES = [
    ("a silent step before", toy((0, 1, 1), (2, 0, 3), (3, 1, 4)), 0, 2, True, None),
    ("a silent step after", toy((0, 1, 1), (2, 1, 3), (3, 0, 4)), 0, 2, True, None),
    ("the last step", toy((0, 1, 1), (1, 2, 2), (3, 1, 4), (4, 1, 5)), 0, 3, False, (Telling.SHOWS, 2)),
    ("one can do more", toy((0, 1, 1), (0, 2, 1), (3, 1, 4)), 0, 3, False, (Telling.SHOWS, 1)),
    ("the other can do more", toy((3, 1, 1), (3, 2, 1), (0, 1, 4)), 0, 3, False, (Telling.SHOWS, 1)),
    ("it may be lost unseen", toy((0, 1, 1), (0, 0, 2), (3, 1, 4)), 0, 3, False, (Telling.REFUSES, 1)),
    ("it is chosen early", toy((0, 1, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3), (4, 1, 5), (5, 2, 6), (5, 3, 6)), 0, 4, False, (Telling.REFUSES, 1)),
    ("it spins", toy((0, 1, 1), (1, 0, 1), (2, 1, 3)), 0, 2, False, (Telling.STAYS, 1)),
    ("it spins round about", toy((0, 1, 1), (2, 1, 3), (3, 0, 4), (4, 0, 3)), 0, 2, False, (Telling.STAYS, 1)),
    ("both spin", toy((0, 1, 1), (1, 0, 1), (2, 1, 3), (3, 0, 4), (4, 0, 3)), 0, 2, True, None),
    ("other colours", toy((0, 1, 1), (2, 1, 3), colours="aabb"), 0, 2, False, (Telling.READS, 0)),
    ("early is as good as late", toy((0, 1, 1), (1, 0, 2), (2, 2, 3), (1, 3, 3), (0, 1, 2), (4, 1, 5), (5, 0, 6), (6, 2, 7), (5, 3, 7)), 0, 4, True, None),
    ("it is chosen twice", toy((0, 1, 1), (1, 2, 2), (1, 2, 3), (2, 3, 4), (3, 4, 4), (5, 1, 6), (5, 1, 7), (6, 2, 8), (7, 2, 9), (8, 3, 4), (9, 4, 4)), 0, 5, False, (Telling.BRANCHES, 3)),
    ("nothing", toy((0, 1, 0)), 0, 0, True, None),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "one", "other", "alike", "told"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_told(graph, one, other, alike, told):
    assert answers(graph, one, other) == answers(graph, other, one) == (alike, told)
    assert weakly_alike_by_definition(graph, one, other) is alike


def answers(graph: Toy, one: int, other: int) -> tuple[bool | None, tuple[Telling, int] | None]:
    found = decide(graph.graph, one, other)
    return found.alike, found.experiment and (found.experiment.telling, len(found.experiment.steps))


def test_who_tells():
    graph = CASES[3][1].graph
    assert decide(graph, 0, 3).experiment.who == FIRST and decide(graph, 3, 0).experiment.who == SECOND


def wrong(number: int) -> str:
    """What is wrong of a random toy, "" if nothing: the answer, the way in which it is told, and the length of the run."""
    graph = random_toy(Random(number), STATES)
    one, other = 0, STATES
    alike = weakly_alike_by_definition(graph, one, other)
    found = decide(graph.graph, one, other)
    if found.alike is not alike:
        return f"alike {found.alike}, and it is {alike}"
    if weakly_alike(graph.graph, one, other) is not alike:
        return "weakly_alike alone says something else"
    of_kind = {telling: shortest_telling(graph, one, other, LONGEST, telling)
               for telling in (Telling.SHOWS, Telling.REFUSES, Telling.STAYS)}  # fmt: skip
    shortest = min((n for t, n in of_kind.items() if n is not None and t is not Telling.SHOWS), default=None)
    expected = shortest if of_kind[Telling.SHOWS] is None else of_kind[Telling.SHOWS]
    told = found.experiment
    if told and told.telling is Telling.BRANCHES:
        return _line_is_wrong(graph, told) if expected is None else f"there is a run that tells: {of_kind}"
    if (told and len(told.steps)) != expected or (told and of_kind[told.telling] != expected):
        return f"told {told}, and it is {of_kind}"
    return _run_is_wrong(graph, told) if told else ""


def _run_is_wrong(graph: Toy, told: Experiment) -> str:
    states, of = [0, STATES], strong_quotient(graph.graph).of
    for which, steps in ((told.who, told.steps), (1 - told.who, told.answers)):
        for label, target in steps:
            after = (t for s, seen, t in graph.steps if s == states[which] and seen == label)
            found = next((t for t in after if target in (t, of[t])), None)
            if found is None:
                return "the run is none"
            states[which] = found
    return ""


def _line_is_wrong(graph: Toy, told: Experiment) -> str:
    """What the run shows last, the other cannot show after its answers, which show all before it."""
    shown, answered = ([label for label, _ in steps if label] for steps in (told.steps, told.answers))
    of = strong_quotient(graph.graph).of
    ends = [state for state in range(2 * STATES) if of[state] in told.others]
    refused = bool(ends) and all(shown[-1] not in graph.ready(state) for state in ends)
    return _run_is_wrong(graph, told) if refused and shown[:-1] == answered else "the answers are none"


def test_random_graphs_are_as_the_definitions_say():
    assert [said for number in range(TOYS) if (said := wrong(number))] == []


def test_the_random_graphs_are_of_all_kinds():
    found = Counter[object]()
    for number in range(TOYS):
        told = decide(random_toy(Random(number), STATES).graph, 0, STATES)
        found[(told.alike and "alike") or (told.experiment and told.experiment.telling)] += 1
    strongly = 0
    for number in range(TOYS):
        graph = random_toy(Random(number), STATES).graph
        quotient = strong_quotient(graph)
        strongly += bool(quotient.of[0] == quotient.of[STATES])
    assert found["alike"] > strongly + 5 > 40  # what only silent steps make unlike
    assert min(found[t] for t in (Telling.SHOWS, Telling.REFUSES, Telling.STAYS)) >= 5


# --- mistakes ---


def identity_only(before, states, items, width):
    """Silent steps are forgotten."""
    known = np.unique(states * width + items)
    return known // width, known % width


def one_step_only(before, states, items, width):
    """One silent step at most."""
    carried, sources = before.joined(items, states)
    return identity_only(before, np.concatenate([states, sources]), np.concatenate([items, carried]), width)


class Backwards(weak.Rows):
    """Silent steps are followed the wrong way."""

    def __init__(self, keys, values, n):
        super().__init__(values, keys, n)


def never_diverges(graph: Labelled) -> np.ndarray:
    return np.zeros(graph.n, np.bool_)


def sizes_only(graph: Labelled, one: int, other: int, tick: object = None) -> bool:
    """As many states and steps as the other has."""
    sizes = []
    for start in (one, other):
        walk, found = Walk(graph), {start}
        going = [start]
        for state in going:
            new = {t for _, t in walk.after(state)} - found
            found |= new
            going += sorted(new)
        sizes.append((len(found), sum(len(walk.after(s)) for s in found)))
    return sizes[0] == sizes[1]


def drops_labels(colour, sources, targets, seen):
    """What is seen of a step is not looked at."""
    return bisimulation.refined(colour, sources, targets, np.minimum(seen, 1))


def without_trailing(graph: Labelled, colour):
    """Silent steps before what is seen, but none after it."""
    silent, seen = (graph.edges[(graph.edges[:, 1] == 0) == hidden] for hidden in (True, False))
    before, colours = weak.Rows(silent[:, 2], silent[:, 0], graph.n), int(colour.max()) + 1
    states, reached = weak.spread(before, np.arange(graph.n), colour, colours)
    width = (int(seen[:, 1].max(initial=0)) + 1) * colours
    showing, leads = weak.spread(before, seen[:, 0], seen[:, 1] * colours + colour[seen[:, 2]], width)
    return np.concatenate([states, showing]), np.concatenate([reached, leads + colours])


class OneDirection(ExperimentSearch):
    """Looks at the runs of the first one only."""

    def __init__(self, walk, first, second, tick=None):
        super().__init__(walk, first, second, tick)
        self.queue.pop()


class NotClosed(Walk):
    """The other is not given time for what it does unseen."""

    def closed(self, states):
        return frozenset(states)


class DepthFirst(ExperimentSearch):
    """Finds a run, and not the shortest."""

    def _look(self, node):
        length = len(self.queue)
        found = super()._look(node)
        self.queue[self._at + 1 : length], self.queue[length:] = self.queue[length:], self.queue[self._at + 1 : length]
        return found


MISTAKES = [
    (weak, "spread", identity_only),
    (weak, "spread", one_step_only),
    (weak, "Rows", Backwards),
    (weak, "diverging", never_diverges),
    (weak, "refined", drops_labels),
    (weak, "weak_steps", without_trailing),
    (nfc, "weakly_alike", sizes_only),
    (nfc, "ExperimentSearch", OneDirection),
    (nfc, "ExperimentSearch", DepthFirst),
    (nfc, "Walk", NotClosed),
    (experiment, "diverging", never_diverges),
]


@pytest.mark.parametrize(("module", "name", "mistake"), MISTAKES, ids=[m[2].__name__ for m in MISTAKES])
def test_a_mistake_is_found_out(monkeypatch, module, name, mistake: Callable[..., object]):
    monkeypatch.setattr(module, name, mistake)
    assert found_out()


def found_out() -> bool:
    try:
        return _answers_are_wrong()
    except InternalError:  # it noticed itself that this cannot be
        return True


def _answers_are_wrong() -> bool:
    of_cases = any(answers(graph, one, other) != (alike, told) for _, graph, one, other, alike, told in CASES)
    return of_cases or any(map(wrong, range(TOYS)))


# --- limits ---


def test_what_is_too_large_says_nothing(monkeypatch):
    monkeypatch.setattr(weak, "MOST", 5)
    graph = toy((0, 0, 1), (1, 0, 2), (2, 1, 3), (4, 0, 5), (5, 1, 6)).graph
    with pytest.raises(TooLarge):
        weakly_alike(graph, 0, 4)
    found = decide(graph, 0, 4)
    assert found.alike is None and found.why


def test_a_search_that_is_cut_short_says_nothing_and_goes_on():
    graph = toy((0, 1, 1), (1, 1, 2), (2, 1, 3), (3, 2, 4), (5, 1, 6), (6, 1, 7), (7, 1, 8), (8, 1, 9)).graph
    search = ExperimentSearch(Walk(graph), 0, 5)
    with pytest.raises(TooMany):
        search.run(3)
    assert len(search.run(100).steps) == 4  # type: ignore[union-attr]


def test_who_waits_may_stop_it():
    def tick() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        decide(CASES[2][1].graph, 0, 3, tick)


def test_divergence_is_reached_by_silent_steps_only():
    graph = toy((0, 0, 1), (1, 0, 2), (2, 0, 1), (3, 1, 1), (4, 0, 5))
    assert diverging(graph.graph).tolist() == [graph.diverges(s) for s in range(6)] == [True] * 3 + [False] * 3
