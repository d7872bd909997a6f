"""An experiment that tells two systems apart, taken again in CPython on both, and what each side shows at its end.

The search works on what compiled code says. Here the model's own Python takes the run, says what is seen of each step, and
follows, with all hidden steps, where the other system can be after the same has been seen of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Move
from checker.errors import EnginesDisagree
from checker.questions.experiment import Telling
from checker.questions.seen import Event, Look, SeenSystem

Layer = dict[Codes, tuple[Codes | None, int | None]]  # states -> where each was come from, and by which move
SHOWN = 6  # of what a side can show next


@dataclass(frozen=True)
class Retold:
    """moves: of the side that tells; the last ones are `loop` where it can go on for ever unseen. others: moves of the other,
    after which it has shown the same (but for the last step of SHOWS). said: what tells them apart, in a sentence.
    mine, theirs: what the one and the other can show at the end."""

    telling: Telling
    moves: tuple[Move, ...]
    loop: int
    others: tuple[Move, ...]
    said: str
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


class Following:
    """What one system can do, step by step, as it is seen."""

    def __init__(self, watched: SeenSystem) -> None:
        self.watched = watched
        self._looks: dict[Codes, Look] = {}
        self._after: dict[Codes, list[tuple[int, Codes, Event | None]]] = {}

    def look(self, state: Codes) -> Look:
        if state not in self._looks:
            self._looks[state] = self.watched.look(state)
        return self._looks[state]

    def after(self, state: Codes) -> list[tuple[int, Codes, Event | None]]:
        """(move, next state, what is seen of it) of each step that is possible."""
        if state not in self._after:
            steps = list(self.watched.steps_from(state))
            before = self.look(state)
            self._after[state] = [(move, to, self.watched.event(move, before, self.look(to))) for move, to in steps]
        return self._after[state]

    def closed(self, layer: Layer) -> Layer:
        """With the states that hidden steps lead to."""
        going = list(layer)
        for state in going:  # grows at its end: breadth first
            for move, to, event in self.after(state):
                if event is None and to not in layer:
                    layer[to] = state, move
                    going.append(to)
        return layer

    def layers(self, events: Sequence[Event]) -> list[Layer]:
        """Where it can be before anything was seen, and after each of these events; ends early where it can be nowhere."""
        found = [self.closed({self.watched.reference.start: (None, None)})]
        for event in events:
            layer: Layer = {}
            for state in found[-1]:
                for move, to, seen in self.after(state):
                    if seen == event:
                        layer.setdefault(to, (state, move))
            if not layer:
                break
            found.append(self.closed(layer))
        return found

    def run_to(self, layers: Sequence[Layer], state: Codes) -> tuple[Move, ...]:
        """The steps to a state of the last layer."""
        moves, at = list[Move](), len(layers) - 1
        while True:
            before, number = layers[at][state]
            if before is None or number is None:
                return tuple(reversed(moves))
            moves.append(self.watched.reference.moves[number])
            hidden = self.watched.event(number, self.look(before), self.look(state)) is None
            state, at = before, at if hidden else at - 1

    def shown_by(self, states: Iterable[Codes]) -> dict[Event, Codes]:
        """What closed states can show next, and a state from which."""
        found: dict[Event, Codes] = {}
        for state in states:
            for _, _, event in self.after(state):
                if event is not None:
                    found.setdefault(event, state)
        return found

    def next_texts(self, states: Iterable[Codes]) -> tuple[str, ...]:
        """What states can show next, after hidden steps, in words."""
        found = self.shown_by(self.closed(dict.fromkeys(states, (None, None))))
        return tuple(dict.fromkeys(self.event_text(self.look(state), event) for event, state in found.items()))

    def event_text(self, before: Look, event: Event) -> str:
        """The step where it is seen as such, else what is read after it."""
        step, after = event
        return self.watched.call_text(step) if step is not None else listed(self.watched.changes(before, after))

    def ready(self, state: Codes) -> frozenset[Event]:
        return frozenset(self.shown_by(self.closed({state: (None, None)})))

    def hidden_loop(self, state: Codes) -> tuple[tuple[int, ...], int] | None:
        """Hidden moves from a state that end in a loop, and how many of the last ones are the loop."""
        alive = set(self.closed({state: (None, None)}))
        while True:
            goes_on = {s for s in alive if any(e is None and to in alive for _, to, e in self.after(s))}
            if goes_on == alive:
                break
            alive = goes_on
        if state not in alive:
            return None
        met, moves = [state], list[int]()
        while True:
            move, to = next((m, to) for m, to, e in self.after(met[-1]) if e is None and to in alive)
            moves.append(move)
            if to in met:
                return tuple(moves), len(met) - met.index(to)
            met.append(to)


class _End:
    """Where both are at the end: the one in the last of its states, the other in any of a layer; the same was seen of both."""

    def __init__(self, mine: Following, theirs: Following, names: tuple[str, str]) -> None:
        self.mine, self.theirs, self.names = mine, theirs, names
        self.states, self.events = list[Codes](), list[Event | None]()
        self.layer: Layer = {}

    def shows(self) -> str:
        """The last step, which the other has no answer to."""
        mine, b = self.mine.watched, self.names[1]
        event = self.events[-1] if self.events else None
        if event is None:
            raise self.disagree("the last step shows something", "nothing is seen of it")
        answers = self.theirs.shown_by(self.layer)
        if event in answers:
            raise self.disagree(f"{b} cannot show the last step", "it can")
        step, look = event
        if step is None:
            texts = mine.changes(self.mine.look(self.states[-2]), look)
            return f"{b} can show the same up to the last step, and then never this: {listed(texts)}."
        others = [other for same, other in answers if same == step]
        if not others:
            return f"{b} can show the same up to the last step, and cannot take that: {mine.call_text(step)}."
        return f"After the last step: {listed(mine.differences(look, others[0], self.names))}."

    def reads(self) -> str:
        looks = self.mine.look(self.states[0]), self.theirs.look(self.theirs.watched.reference.start)
        if looks[0] == looks[1]:
            raise self.disagree("another state at the beginning", "the same")
        return f"Before any step: {listed(self.mine.watched.differences(*looks, self.names))}."

    def refuses(self) -> str:
        a, b = self.names
        can = self.mine.ready(self.states[-1])
        others = [self.theirs.ready(state) for state in self.layer]
        if any(other <= can for other in others):
            raise self.disagree(f"{b} always can show more than {a}", "not always")
        always = frozenset.intersection(*others) - can
        missing = always or frozenset.union(*others) - can
        known = self.theirs.shown_by(self.theirs.closed(dict(self.layer)))
        texts = [self.theirs.event_text(self.theirs.look(known[e]), e) for e in known if e in missing]
        which = "that" if len(always) == 1 else "one of that"
        return f"From now on {a} can never show next what {b} always can, {which}: {listed(texts)}."

    def stays(self) -> tuple[tuple[int, ...], int]:
        """The hidden moves, of which the last ones are a loop."""
        found = self.mine.hidden_loop(self.states[-1])
        if found is None or any(self.theirs.hidden_loop(state) for state in self.layer):
            raise self.disagree(f"only {self.names[0]} goes on for ever unseen", "both or none")
        return found

    def can_show(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What each can show next: the one from its last state, the other from any where it may be."""
        return self.mine.next_texts(self.states[-1:]), self.theirs.next_texts(self.layer)

    def disagree(self, search: str, cpython: str) -> EnginesDisagree:
        return EnginesDisagree(" and ".join(self.names), {"search": search, "CPython": cpython})


def taken_again(
    one: SeenSystem,
    other: SeenSystem,
    ways: tuple[Sequence[int], Sequence[int]],
    telling: Telling,
    names: tuple[str, str],
) -> Retold:
    """ways: the numbers of the moves of `one`, and of the other's answers where the telling has any. names: of both designs.
    Raises EnginesDisagree if CPython says that they do not tell."""
    end = _End(Following(one), Following(other), names)
    end.states, end.events = _taken(end, end.mine, ways[0])
    others = _followed_by_answers(end, ways[1]) if telling is Telling.BRANCHES else _followed(end, telling)
    loop, length = end.stays() if telling is Telling.STAYS else ((), 0)
    match telling:
        case Telling.SHOWS:
            said = end.shows()
        case Telling.READS:
            said = end.reads()
        case Telling.REFUSES:
            said = end.refuses()
        case Telling.STAYS:
            said = f"{names[0]} can go on so for ever, and nothing is seen of it; {names[1]} cannot."
        case Telling.BRANCHES:
            said = f"No single run tells: there are several ways from one state. By the best answers of {names[1]}: {end.shows()}"
    mine, theirs = end.can_show()
    return Retold(telling, tuple(one.reference.moves[n] for n in (*ways[0], *loop)), length, others, said, mine, theirs)


def _followed(end: _End, telling: Telling) -> tuple[Move, ...]:
    """Where the other can be after the same was seen, and a run of it so far."""
    seen = [event for event in end.events if event is not None]
    before = seen[:-1] if telling is Telling.SHOWS else seen
    layers = end.theirs.layers(before)
    if len(layers) != len(before) + 1:
        short = f"only of {len(layers) - 1} of {len(before)} events"
        raise end.disagree("the same is seen of both until the end", short)
    end.layer = layers[-1]
    return end.theirs.run_to(layers, next(iter(end.layer)))


def _followed_by_answers(end: _End, numbers: Sequence[int]) -> tuple[Move, ...]:
    """The other has given these answers."""
    states, events = _taken(end, end.theirs, numbers)
    seen, answered = ([e for e in found if e is not None] for found in (end.events, events))
    if seen[:-1] != answered:
        raise end.disagree("the answers show the same", "they do not")
    end.layer = end.theirs.closed({states[-1]: (None, None)})
    return tuple(end.theirs.watched.reference.moves[n] for n in numbers)


def _taken(end: _End, following: Following, numbers: Sequence[int]) -> tuple[list[Codes], list[Event | None]]:
    """The moves one by one: the states, and what is seen of each."""
    watched, state = following.watched, following.watched.reference.start
    states, events = [state], list[Event | None]()
    for number in numbers:
        after = watched.reference.successor(state, watched.reference.moves[number])
        if after is None or not watched.allowed[number]:
            raise end.disagree(f"step {len(events) + 1} is possible", "it is not")
        events.append(watched.event(number, following.look(state), following.look(after)))
        states.append(after)
        state = after
    return states, events


def listed(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ("; ".join(texts[:SHOWN]) or "nothing") + more
