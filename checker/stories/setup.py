"""The set-up that a run begins with, as one step: the calls in order, and what they change altogether.

A model says when its set-up is over, by a class attribute `set_up_until`: by whom the first step after it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.stories.trace import Event, FieldChange
from model.lang import Design

SET_UP = "set-up:"


def set_up_of(design: type[Design], events: Sequence[Event], before: Sequence[int]) -> int:
    """How many steps the set-up of a run has: 0, or two at least. before: events that are told in any case."""
    actors: Sequence[str] = getattr(design, "set_up_until", ())
    steps = design.steps()
    first = next((i for i, event in enumerate(events) if steps[event.step].by in actors), 0)
    count = min([first, *before])
    return count if count > 1 else 0


def folded(events: Sequence[Event]) -> tuple[str, list[str], list[FieldChange]]:
    """(all calls, the lanes that act, what is different at the end) of a set-up's steps."""
    changes = dict[str, FieldChange]()
    for change in (change for event in events for change in event.changes):
        first = changes.pop(change.path, change)
        changes[change.path] = FieldChange(change.path, change.label, change.lane, first.before, change.after, 0)
    calls = ", ".join(event.call for event in events)
    return calls, list(dict.fromkeys(e.lane for e in events)), [c for c in changes.values() if c.before != c.after]
