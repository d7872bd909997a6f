"""What the renderer tells of a run is what the parser finds in it, whatever the run is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from checker.stories.as_told import first_difference
from checker.stories.story import to_text
from checker.stories.story_parser import parse
from checker.stories.trace import Trace
from tests.rigs.traces import LOOP, LOST, quoted, traces


@settings(
    max_examples=200, deadline=None, phases=[Phase.explicit, Phase.generate]
)  # to make a story small takes minutes
@given(traces(), st.integers(0, 2))
def test_any_story_is_told_as_it_is(trace: Trace, depth: int) -> None:
    changes = [change for event in trace.events for change in event.changes]
    texts = [text for c in changes for text in (c.label, c.before, *c.between, c.after)]
    assume(
        not any(mark in text for text in texts for mark in "=|>\\")
    )  # no label has a mark of the table or of quoting
    assert first_difference(parse(quoted(to_text(trace), depth)), trace, whole=True) == ""


@pytest.mark.parametrize("trace", [LOOP, LOST], ids=["storm", "lost"])
def test_every_change_counts(trace: Trace) -> None:
    """Any change of any step that becomes another one is found, also if only the first steps were taken."""
    seen = 0
    for number, event in enumerate(trace.events):
        for index, change in enumerate(event.changes):
            other = replace(change, after=f"{change.after}9")
            changes = (*event.changes[:index], other, *event.changes[index + 1 :])
            events = (*trace.events[:number], replace(event, changes=changes), *trace.events[number + 1 :])
            story, ran = parse(to_text(trace)), replace(trace, events=events)
            assert f"what step {number + 1} does: `" in first_difference(story, ran, whole=True)
            first = replace(ran, events=events[: number + 1], loop_start=None)
            assert f"what step {number + 1} does: `" in first_difference(story, first, whole=False)
            assert first_difference(story, replace(first, events=events[:number]), whole=False) == ""
            wide = parse(to_text(replace(trace, lanes=(*trace.lanes, "one more"))))  # which is of a step not taken
            assert first_difference(wide, replace(first, events=events[:number]), whole=False) == ""
            assert number == 0 or first_difference(wide, replace(first, events=events[:number]), whole=True)
            seen += 1
    assert seen > 5
