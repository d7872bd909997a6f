"""How long what matters is set: the fields that a model wants drawn along their lanes, from the step that sets one to the
step that clears it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from checker.stories.trace import FieldChange, Trace

Moment = tuple[int, int]  # the event, and how many of its calls had been made


@dataclass(frozen=True)
class Bar:
    """A field is set from one moment to another. begin None: from before the first event; end None: to the end.
    slot: its place beside the lane, where those that are set at one time stand side by side."""

    lane: str
    label: str
    begin: Moment | None
    end: Moment | None
    slot: int = 0


def bars_of(trace: Trace) -> list[Bar]:
    """In order of time, each with a slot that no other bar of its lane has meanwhile."""
    placed = list[Bar]()
    for bar in sorted(_bars(trace), key=lambda bar: bar.begin or (-1, 0)):
        taken = {other.slot for other in placed if other.lane == bar.lane and _meet(other, bar)}
        slot = next(n for n in range(len(taken) + 1) if n not in taken)
        placed.append(Bar(bar.lane, bar.label, bar.begin, bar.end, slot))
    return placed


def _meet(one: Bar, later: Bar) -> bool:
    return one.end is None or later.begin is None or later.begin < one.end


def _bars(trace: Trace) -> Iterator[Bar]:
    changes = [(index, c) for index, event in enumerate(trace.events) for c in event.changes if c.bar is not None]
    names = dict[tuple[str, str], set[str]]()
    for _, change in changes:
        names.setdefault((change.lane, change.short), set()).add(change.path)
    for path in dict.fromkeys(change.path for _, change in changes):
        mine = [(index, c) for index, c in changes if c.path == path]
        alone = len(names[mine[0][1].lane, mine[0][1].short]) == 1
        begin: Moment | None = None
        is_set, label = mine[0][1].bar is not None and mine[0][1].bar[0], _label(mine[0][1], mine[0][1].before, alone)
        for index, change in mine:
            assert change.bar is not None
            moment = index, change.after_call
            if is_set:
                yield Bar(change.lane, label, begin, moment)
            is_set, begin, label = change.bar[1], moment, _label(change, change.after, alone)
        if is_set:
            yield Bar(mine[-1][1].lane, label, begin, None)


def _label(change: FieldChange, value: str, alone: bool) -> str:
    """`Remote IRR`, `ISR {1}`: the value, where there is more than one; with its owner, where two have that field."""
    name = change.short if alone else change.label
    return name if value in ("0", "1") and _is_flag(change) else f"{name} {value}"


def _is_flag(change: FieldChange) -> bool:
    values = Counter({change.before, change.after, *change.between})
    return set(values) <= {"0", "1"}
