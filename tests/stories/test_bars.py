"""What a model wants drawn along its lanes is drawn from the step that sets it to the step that clears it."""

from __future__ import annotations

from dataclasses import replace

from checker.stories.bars import Bar, bars_of
from checker.stories.trace import Event, FieldChange, Trace
from tests.rigs.traces import storm


def change(label: str, before: str, after: str, call: int = 0, bar: bool = True, lane: str = "KVM") -> FieldChange:
    held = (before not in ("0", "none", "{}"), after not in ("0", "none", "{}")) if bar else None
    return FieldChange(f"x.{label}", label, lane, before, after, call, (), label.split()[-1], held)


def run(*steps: tuple[FieldChange, ...]) -> Trace:
    events = tuple(Event("s", (), "KVM", "", (), changes) for changes in steps)
    return replace(storm(), events=events, lanes=("KVM", "VMM"), loop_start=None)


def test_from_the_step_that_sets_it_to_the_one_that_clears_it() -> None:
    trace = run((change("IRR", "{}", "{1}", 2),), (), (change("IRR", "{1}", "{}"),))
    assert bars_of(trace) == [Bar("KVM", "IRR {1}", (0, 2), (2, 0), 0)]


def test_what_is_never_cleared_goes_on_and_what_was_set_before_begins_above() -> None:
    trace = run((change("line", "1", "0"),), (change("busy", "0", "1"),))
    assert bars_of(trace) == [Bar("KVM", "line", None, (0, 0), 0), Bar("KVM", "busy", (1, 0), None, 0)]


def test_a_value_that_changes_is_a_bar_of_its_own() -> None:
    trace = run((change("IRR", "{}", "{1}"),), (change("IRR", "{1}", "{1,2}"),))
    assert [(bar.label, bar.begin, bar.end) for bar in bars_of(trace)] == [
        ("IRR {1}", (0, 0), (1, 0)), ("IRR {1,2}", (1, 0), None),
    ]  # fmt: skip


def test_at_one_time_they_stand_side_by_side() -> None:
    trace = run(
        (change("IRR", "{}", "{1}"), change("busy", "0", "1", lane="VMM")), (change("ISR", "{}", "{2}"),),
        (change("IRR", "{1}", "{}"), change("eoi", "none", "0")),
    )  # fmt: skip
    assert [(bar.lane, bar.label, bar.slot) for bar in bars_of(trace)] == [
        ("KVM", "IRR {1}", 0), ("VMM", "busy", 0), ("KVM", "ISR {2}", 1),
    ]  # fmt: skip


def test_two_that_have_one_name_are_told_apart() -> None:
    trace = run((change("pin 0 busy", "0", "1"), change("pin 1 busy", "0", "1")))
    assert [bar.label for bar in bars_of(trace)] == ["pin 0 busy", "pin 1 busy"]


def test_nothing_else_is_drawn() -> None:
    assert bars_of(run((change("IRR", "{}", "{1}", bar=False),))) == []
    assert bars_of(storm()) == []  # the toy asks for none
