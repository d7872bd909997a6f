"""`eoi nfc BASE DESIGN`: is there any functional change that somebody can see? Weak bisimulation on what is observed, exactly, or
the shortest experiment that tells the two apart."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from checker.engine.native import Outcome
from checker.engine.passages import SourceLine
from checker.engine.reference import Move
from checker.engine.search import Limits, Progress
from checker.matrix.scope import scope_value
from checker.questions.bisimulation import I64, numbered
from checker.questions.compare import Pair
from checker.questions.experiment import FIRST, Experiment, ExperimentSearch, Step, Telling, TooMany, Walk
from checker.questions.game import line_of_play
from checker.questions.report import reproduce
from checker.questions.retold import Retold, listed, taken_again
from checker.questions.seen import SeenGraph, SeenSystem, explored, seen_pair
from checker.questions.weak import SILENT, Labelled, TooLarge, no_tick, strong_quotient, weakly_alike
from checker.stories.replay import lanes_of, provenance_of, replay
from checker.stories.trace import Trace, show, steps_text
from model.lang import Kind
from model.observers import OBSERVERS

EQUAL, DIFFERS, INCONCLUSIVE = "EQUAL", "DIFFERS", "INCONCLUSIVE"
QUICK, MOST = (
    20_000,
    2_000_000,
)  # nodes of the search for an experiment: before, and after it is known that there is a difference


@dataclass(frozen=True)
class NfcAnswer:
    """Of one cell. states, transitions: of both together. told: where they differ, unless no single run tells, which `why`
    says. side: whose run it is, 0 of the base."""

    pair: Pair
    verdict: str
    why: str = ""
    states: int = 0
    transitions: int = 0
    side: int = FIRST
    told: Retold | None = None
    lines: tuple[Mapping[SourceLine, bool], ...] = field(default=())

    @property
    def steps(self) -> int:
        return len(self.told.moves) - self.told.loop if self.told else 0


@dataclass(frozen=True)
class Together:
    """Both graphs as one. graph: its labels are what is seen. moves: of each edge, the number of its move; second: where the
    states of the second one begin."""

    graph: Labelled
    moves: I64
    second: int


def joined(watched: Sequence[SeenSystem], graphs: Sequence[SeenGraph]) -> Together:
    looks = numbered(np.concatenate([graph.looks for graph in graphs]))
    names: dict[object, int] = {None: 0}
    edges, moves, first = list[I64](), list[I64](), 0
    for one, graph in zip(watched, graphs, strict=True):
        step = np.array([names.setdefault(seen, len(names)) for seen in one.seen_steps], np.int64)
        source, move, target = graph.edges.T
        edges.append(np.stack([source + first, step[move], target + first], axis=1))
        moves.append(move)
        first += len(graph.looks)
    found = np.concatenate(edges)
    silent = (found[:, 1] == 0) & (looks[found[:, 0]] == looks[found[:, 2]])
    events = found[:, 1] * (int(looks.max(initial=0)) + 1) + looks[found[:, 2]]  # the step, and what is read after it
    labels = np.where(silent, SILENT, 1 + np.unique(events, return_inverse=True)[1].reshape(-1))
    found[:, 1] = labels
    return Together(Labelled(looks, found), np.concatenate(moves), len(graphs[0].looks))


@dataclass(frozen=True)
class Decision:
    """alike: None if it was not found out. experiment: its states are those of `of` (i64[states]: of the joined graph)."""

    alike: bool | None
    experiment: Experiment | None = None
    of: I64 | None = None
    why: str = ""


def decide(graph: Labelled, one: int, other: int, tick: Callable[[], None] = no_tick) -> Decision:
    """Is nobody able to tell these two states apart? tick: called now and then; may raise."""
    if graph.colour[one] != graph.colour[other]:
        return Decision(False, Experiment(FIRST, (), Telling.READS, frozenset([other])), np.arange(graph.n))
    quick = _searched(graph, one, other, tick, QUICK)
    if isinstance(quick, Experiment):
        return Decision(False, quick, np.arange(graph.n))
    try:
        quotient = strong_quotient(graph, tick)
    except TooLarge:
        return _not_compared(_searched(graph, one, other, tick, MOST), np.arange(graph.n))
    a, b = int(quotient.of[one]), int(quotient.of[other])
    try:
        if a == b or weakly_alike(quotient.graph, a, b, tick):
            return Decision(True)
    except TooLarge:
        return _not_compared(_searched(quotient.graph, a, b, tick, MOST), quotient.of)
    found = _searched(quotient.graph, a, b, tick, MOST) if quick is not None else None
    if isinstance(found, Experiment):
        return Decision(False, found, quotient.of)
    if found is None and (line := line_of_play(quotient.graph, a, b, tick)) is not None:
        return Decision(False, line, quotient.of)
    return Decision(False, why="they are not bisimilar, and no run was found that tells how")


def _not_compared(found: Experiment | TooMany | None, of: I64) -> Decision:
    """There are too many transitions; a run that tells may be found all the same."""
    if isinstance(found, Experiment):
        return Decision(False, found, of)
    return Decision(None, why="too many transitions to compare, and no run was found that tells them apart")


def _searched(
    graph: Labelled, one: int, other: int, tick: Callable[[], None], most: int
) -> Experiment | TooMany | None:
    """None: there is none."""
    try:
        return ExperimentSearch(Walk(graph), one, other, tick).run(most)
    except TooMany as limit:
        return limit


class _Late(Exception):
    """The time that a cell has is over."""


def compare(
    pair: Pair, observe: str, fixed: Collection[Enum], limits: Limits, on_progress: Progress | None = None,
    engine: str = "auto", on_tick: Callable[[], None] = no_tick,
) -> NfcAnswer:  # fmt: skip
    """Explore both cells and compare all that observers see. on_tick: called now and then while it compares. Raises ModelError,
    KeyboardInterrupt, EnginesDisagree."""
    started = time.monotonic()
    watched = seen_pair(pair.base, pair.design, OBSERVERS[observe], fixed)
    graphs = [explored(one, limits, on_progress, engine) for one in watched]
    for graph in graphs:
        if graph.outcome is not Outcome.COMPLETE:
            return NfcAnswer(pair, INCONCLUSIVE, graph.outcome.value)
    whole = joined(watched, graphs)
    size = len(whole.graph.colour), len(whole.graph.edges)
    so_far = NfcAnswer(pair, INCONCLUSIVE, "", *size, lines=tuple(graph.lines for graph in graphs))

    def tick() -> None:
        on_tick()
        if limits.seconds is not None and time.monotonic() - started > limits.seconds:
            raise _Late

    try:
        found = Decision(True) if _identical(watched, graphs) else decide(whole.graph, 0, whole.second, tick)
    except (_Late, MemoryError) as limit:
        reached = Outcome.TIME_LIMIT if isinstance(limit, _Late) else Outcome.MEMORY_LIMIT
        return replace(so_far, why=reached.value)
    if found.alike:
        verdict, why = _if_alike(watched, whole)
        return replace(so_far, verdict=verdict, why=why)
    if found.experiment is None or found.of is None:
        return replace(so_far, verdict=INCONCLUSIVE if found.alike is None else DIFFERS, why=found.why)
    side, telling = found.experiment.who, found.experiment.telling
    ways, names = _moves(whole, found.experiment, found.of), _names(pair)
    told = taken_again(watched[side], watched[1 - side], ways, telling, (names[side], names[1 - side]))
    return replace(so_far, verdict=DIFFERS, side=side, told=told)


def _identical(watched: Sequence[SeenSystem], graphs: Sequence[SeenGraph]) -> bool:
    """The very same graph, state by state in the order in which they were found."""
    one, other = graphs
    same = np.array_equal(one.looks, other.looks) and np.array_equal(one.edges, other.edges)
    return same and watched[0].seen_steps == watched[1].seen_steps


def _if_alike(watched: Sequence[SeenSystem], whole: Together) -> tuple[str, str]:
    """EQUAL, where there was something to see, and what endless runs owe is the same."""
    if not (whole.graph.edges[:, 1] != SILENT).any():
        return INCONCLUSIVE, "nothing is ever seen here: these cells would show no difference"
    owed = {move.step: move.fair for move in watched[0].reference.moves}
    other = [m.step for m in watched[1].reference.moves if owed.get(m.step, m.fair) is not m.fair]
    if other:
        return (
            INCONCLUSIVE,
            f"all that can be seen is the same, but other fairness of {', '.join(dict.fromkeys(other))}",
        )
    return EQUAL, ""


def _moves(whole: Together, experiment: Experiment, of: I64) -> tuple[list[int], list[int]]:
    """The numbers of the moves of an experiment's run, and of the other side's answers."""
    starts = (0, whole.second) if experiment.who == FIRST else (whole.second, 0)
    mine, others = (
        _run_of(whole, start, steps, of)
        for start, steps in zip(starts, (experiment.steps, experiment.answers), strict=True)
    )
    return mine, others


def _run_of(whole: Together, state: int, steps: Sequence[Step], of: I64) -> list[int]:
    edges, found = whole.graph.edges, list[int]()
    for label, target in steps:
        fits = (edges[:, 0] == state) & (edges[:, 1] == label) & (of[edges[:, 2]] == target)
        edge = int(np.flatnonzero(fits)[0])
        found.append(int(whole.moves[edge]))
        state = int(edges[edge, 2])
    return found


def _names(pair: Pair) -> tuple[str, str]:
    role = pair.design.subject
    return pair.base.names[role], pair.design.names[role]


def story(answer: NfcAnswer, *options: str) -> Trace:
    """The run of the side that tells, as a story. options: what else was said to ask for it."""
    told, pair = answer.told, answer.pair
    assert told is not None
    names, cell = _names(pair), pair.base if answer.side == FIRST else pair.design
    events = replay(cell.system, cell.scope, [(move.step, move.args) for move in told.moves])
    loop = len(told.moves) - told.loop if told.loop else None
    return Trace(
        property_name="nfc", kind=Kind.ALWAYS, verdict=DIFFERS, sentence=told.said,
        provenance=provenance_of(cell.system), cell=dict(cell.names),
        scope={n: scope_value(v) for n, v in vars(cell.scope).items()}, lanes=lanes_of(cell.system, events),
        events=events, loop_start=loop, reproduce=_reproduce(pair, names[0], options),
    )  # fmt: skip


def _reproduce(pair: Pair, base: str, options: Sequence[str]) -> str:
    command = reproduce("nfc", pair.design).replace("eoi nfc", f"eoi nfc {shlex.quote(base)}", 1)
    return shlex.join([*shlex.split(command), *options])


def end_lines(answer: NfcAnswer) -> list[str]:
    """What each side shows at the end of the experiment, and how the other one came so far."""
    told, names = answer.told, _names(answer.pair)
    assert told is not None
    mine, other = names if answer.side == FIRST else names[::-1]
    said = [f"At the end {mine} can show next: {listed(told.mine)}."]
    way = "by the same steps" if told.others == told.moves[: len(told.others)] else f"by {_calls(told.others)}"
    so_far = "all but the last" if told.telling in (Telling.SHOWS, Telling.BRANCHES) else "the same"
    came = f"{other} shows {so_far} in {steps_text(len(told.others))}" + f", {way}," * bool(told.others)
    return [*said, f"{came} and can show next: {listed(told.theirs)}."]


def _calls(moves: Sequence[Move]) -> str:
    return ", ".join(f"{move.step}({', '.join(map(show, move.args))})" for move in moves)


def shortest(answers: Sequence[NfcAnswer]) -> NfcAnswer | None:
    """The difference that takes the fewest steps; what is read before any step only where there is nothing else."""
    told = [a for a in answers if a.told is not None]
    return min(told, key=lambda a: (a.steps == 0, a.steps)) if told else None
