"""The set-up of a story is told as one step, and is read back as all of them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from typing import ClassVar

import pytest

from checker.stories.compare import StoryLine, first_difference
from checker.stories.old_story import Picture
from checker.stories.quoting import hidden, unquoted
from checker.stories.read import parse, stories_of
from checker.stories.setup import folded, set_up_of
from checker.stories.trace import FieldChange, StoryError, Trace, from_json
from checker.stories.write import to_text, told_text
from model.lang import Design
from tests.rigs import story_toy as toy
from tests.rigs.traces import LOST, quoted, storm

FOLDED = replace(LOST, set_up=2)
LONG = replace(LOST, events=(*LOST.events[:2] * 7, *LOST.events[2:]), set_up=14)


def until(*actors: str) -> type[Design]:
    class Ends(toy.Storm):
        set_up_until: ClassVar[tuple[str, ...]] = actors

    return Ends


def test_where_the_set_up_ends() -> None:
    """The storm: device, KVM, guest, KVM."""
    events = storm().events
    assert set_up_of(toy.Storm, events, [3]) == 0  # a model that says nothing has none
    assert set_up_of(until("guest"), events, [3]) == 2
    assert set_up_of(until("guest"), events, [3, 1]) == 0  # one step is told as it is
    assert set_up_of(until("KVM"), events, [3]) == 0
    assert set_up_of(until("nobody"), events, [3]) == 0  # a run that is nothing but set-up is told as it is
    assert set_up_of(until("guest"), (), []) == 0


def test_what_is_different_after_it() -> None:
    calls, lanes, changes = folded(LOST.events[:2])
    assert calls == "raise_line(pin=0), kvm_inject(cpu=0)"
    assert lanes == ["device", "KVM"]
    assert [change.left for change in changes] == [
        "pin 0 line 1", "pin 0 Remote IRR 1", "CPU0 ISR {1}", "in handler 1",
    ]  # fmt: skip
    assert not any("IRR {" in change.left for change in changes)  # it came and went


def test_values_of_a_name_that_ends_in_a_digit() -> None:
    assert FieldChange("l[0]", "line 0", "device", "0", "1", 0).left == "line 0: 1"


def test_it_is_one_row_and_its_steps_are_read_back() -> None:
    for trace in (FOLDED, LONG):
        text = to_text(trace)
        assert re.search(rf"^ +1-{trace.set_up} +[|* ]*\* .*set-up: raise_line\(pin=0\),", text, re.M)
        assert all(len(line) <= 72 for line in text.splitlines())
        assert len(text.splitlines()) < len(to_text(replace(trace, set_up=0)).splitlines())
        for depth in (0, 2):
            picture = parse(quoted(text, depth)).picture
            assert isinstance(picture, Picture)
            assert picture.steps == [(event.step, dict(event.args)) for event in trace.events]
            assert len(picture.lines) == len(trace.events)
            assert first_difference(list(parse(quoted(text, depth)).text), text, whole=True) is None


@pytest.mark.parametrize("width", [50, 60, 66])
def test_a_mail_program_may_cut_its_lines(width: int) -> None:
    text = to_text(LONG)
    cut = [p for line in text.splitlines() for p in textwrap.wrap(line, width, break_on_hyphens=False) or [""]]
    picture = parse("\n".join(cut)).picture
    assert isinstance(picture, Picture) and len(picture.steps) == len(LONG.events)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("1-2 ", "1-3 ", "step 4 was expected, found step 3"),
        ("1-2 ", "1-9 ", "there are no steps 1-9 among 4"),
        ("1-2 ", "2-2 ", "step 1 was expected, found step 2"),
        ("kvm_inject(cpu=0)", "kvm_inject(cpu=0), kvm_inject(cpu=0)", "2 steps were expected in the set-up"),
        ("raise_line(pin=0), kvm", "kvm", "2 steps were expected in the set-up"),
        ("raise_line(pin=0)", "raise_line(pin=)", "'parameter=value' was expected, found 'pin='"),
    ],
)
def test_a_set_up_that_cannot_be_read(was: str, now: str, said: str) -> None:
    text = re.sub(r",\n[| ]+kvm_inject", ", kvm_inject", to_text(FOLDED))
    assert was in text
    with pytest.raises(StoryError, match=re.escape(said)):
        parse(text.replace(was, now))


def test_its_row_counts_like_any_other() -> None:
    rows = told_text(FOLDED).splitlines()
    at = next(n for n, row in enumerate(rows) if "set-up:" in row)
    for forged in (rows[:at] + rows[at + 1 :], [*rows[:at], rows[at].replace("pin=0", "pin=1"), *rows[at + 1 :]]):
        lines = [StoryLine(row, "", n) for n, row in enumerate(forged, 1)]
        assert first_difference(lines, told_text(FOLDED), whole=True) is not None


def test_a_headline_that_something_sticks_to_is_seen_above_it() -> None:
    lines = [f"{n}~{line}" for n, line in enumerate(to_text(FOLDED).splitlines())]
    assert list(hidden(unquoted(lines))) == [(0, "0~")]
    assert isinstance(stories_of("\n".join(lines))[0].story, StoryError)


def test_json_round_trip() -> None:
    trace: Trace = FOLDED
    assert from_json(trace.to_json()) == trace
