"""What the writer tells of a run is what its text is compared with, whatever the run is, and whatever a mailer does."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from checker.stories.compare import StoryLine, first_difference
from checker.stories.read import parse
from checker.stories.trace import Trace
from checker.stories.write import to_text
from tests.rigs.traces import LOOP, LOST, quoted, traces
from tests.rigs.volume import volume

LINE = "Replay: eoi1 x,pin:0;a:b;cpus:1,pins:1; 0a1b2c/3/4/loop/5; 0f83a1c2d4e5f607\n"


def lines_of(text: str) -> list[StoryLine]:
    return list(parse(text).text)


@pytest.mark.everything
@settings(
    max_examples=volume(40, 1_000), deadline=None, phases=[Phase.explicit, Phase.generate]
)  # to make a story small takes minutes
@given(traces(), st.integers(0, 2))
def test_any_story_is_told_as_it_is(trace: Trace, depth: int) -> None:
    text = to_text(trace)
    told = quoted(text, depth)
    assert first_difference(lines_of(told), text, whole=True) is None
    assert first_difference(lines_of(f"{told}More.\n"), text, whole=False) is None


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_sentence_may_begin_as_a_mark_does(depth: int) -> None:
    trace = replace(LOST, sentence="R> is what this sentence begins with")
    text = to_text(trace)
    assert "\nR> is" in text
    assert first_difference(lines_of(quoted(text, depth)), text, whole=True) is None
    assert first_difference(lines_of(quoted(text, depth).replace("R> is", "S> is")), text, whole=True) is not None


@pytest.mark.parametrize("width", [40, 50, 60, 66])
@pytest.mark.parametrize("trace", [LOOP, LOST], ids=["storm", "lost"])
def test_cut_lines_and_remarks_of_others_do_not_count(trace: Trace, width: int) -> None:
    """Cut before and after it was quoted: then the rest of a line has no mark; and a remark has none."""
    text = to_text(trace)

    def cut(lines: str) -> list[str]:
        return [p for line in lines.splitlines() for p in textwrap.wrap(line, width, break_on_hyphens=False) or [""]]

    for told in (quoted("\n".join(cut(text)), 1), "\n".join(cut(quoted(text, 1)))):
        assert first_difference(lines_of(f"{told}\n> {LINE}"), text, whole=True) is None
    remarked = quoted(text, 1).replace("\n>    2", "\n\nI do not see how.\n\n>    2")
    assert "see how" in remarked or trace is LOOP
    assert first_difference(lines_of(remarked), text, whole=True) is None


@pytest.mark.parametrize("trace", [LOOP, LOST], ids=["storm", "lost"])
def test_every_line_counts(trace: Trace) -> None:
    """A line that is missing, doubled or has one character changed is a difference, and its number is said."""
    text = to_text(trace)
    rows = text.splitlines()
    for n, row in enumerate(rows):
        if not row.strip():
            continue
        changed = row[:-1] + chr(ord(row[-1]) ^ 1)
        for other in (rows[:n] + rows[n + 1 :], [*rows[:n], row, *rows[n:]], [*rows[:n], changed, *rows[n + 1 :]]):
            lines = [StoryLine(line, "", i) for i, line in enumerate(other, 1)]
            found = first_difference(lines, text, whole=True)
            assert found is not None, (row, other)
            assert (
                f"line {n + 1} " in str(found)
                or f"line {n + 2} " in str(found)
                or f"line {n} " in str(found)
                or rows[n + 1 :] == []
            )


def test_both_sides_of_a_difference_are_said() -> None:
    event = LOST.events[0]
    change = event.changes[0]
    other = replace(
        LOST, events=(replace(event, changes=(replace(change, after="9"), *event.changes[1:])), *LOST.events[1:])
    )
    found = first_difference(lines_of(to_text(other)), to_text(LOST), whole=True)
    assert "says `= | pin 0 line 0 -> 9" in str(found) and "; the run says `= | pin 0 line 0 -> 1" in str(found)
