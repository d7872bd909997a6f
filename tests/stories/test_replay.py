"""The replay finds lanes, crossing calls and changes, and refuses paths that do not run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import pytest

from checker.errors import InternalError
from checker.stories.replay import Steps, replay
from checker.stories.trace import Arrow, StoryError, from_json, show
from model.finite import Mask, ModelError
from model.lang import Label, cells, resolve, save
from tests.rigs import story_toy as toy
from tests.rigs.traces import storm, trace_of


def states_of(path: Steps) -> list[tuple[int, ...]]:
    system = toy.Storm(toy.ToyScope())
    all_cells = list(cells(system))
    states = [save(all_cells)]
    for name, args in path:
        getattr(system, name)(*args)
        states.append(save(all_cells))
    return states


def test_lanes_come_from_the_model() -> None:
    trace = storm()
    assert trace.lanes == ("CPU0", "KVM", "VMM", "device")
    assert [event.lane for event in trace.events] == ["device", "KVM", "CPU0", "KVM"]


def test_only_calls_between_lanes_are_recorded() -> None:
    eoi, exit_ = storm().events[2:]
    line = toy.ToyKvm.apic_set_eoi.__code__.co_firstlineno
    where = f"tests/rigs/story_toy.py:{line}"
    assert eoi.calls == (Arrow("CPU0", "KVM", "apic_set_eoi", "cpu=0", "lapic.c:apic_set_eoi()", where),)
    assert eoi.where == f"tests/rigs/story_toy.py:{toy.ToyGuest.guest_eoi.__code__.co_firstlineno}"
    assert [(c.caller, c.callee, c.function) for c in exit_.calls] == [
        ("KVM", "VMM", "ioapic_eoi_broadcast"),
        ("VMM", "KVM", "kvm_apic_set_irq"),
    ]


def test_changes_have_labels_and_stand_behind_their_call() -> None:
    event = storm().events[0]
    assert [(c.lane, c.text, c.after_call) for c in event.changes] == [
        ("VMM", "pin 0 line 0 -> 1", 1),
        ("VMM", "pin 0 Remote IRR 0 -> 1", 1),
        ("KVM", "CPU0 IRR {} -> {1}", 2),
    ]


def test_a_bit_that_is_cleared_and_set_again_is_seen() -> None:
    assert "pin 0 Remote IRR 1 -> 0 -> 1" in [change.text for change in storm().events[3].changes]


def test_a_field_without_label_is_its_path_in_the_lane_of_its_class() -> None:
    change = storm().events[3].changes[0]
    assert (change.lane, change.text) == ("KVM", "pending_eoi 1 -> none")


def test_lane_of_a_step_without_the_parameter_is_its_actor() -> None:
    path = [("program_pin", (0, toy.IoapicVersion.V20, False))]
    (event,) = replay(toy.Storm, toy.ToyScope(), path)
    assert event.lane == "guest"
    assert event.call == "program_pin(pin=0, version=V20, masked=0)"
    assert [(c.lane, c.text) for c in event.changes] == [
        ("guest", "seen_version V11 -> V20"),
        ("VMM", "pin 0 vector 1 -> 0"),
    ]


def test_two_cpus_have_two_lanes() -> None:
    trace = trace_of(
        toy.no_eoi_lost, {"pin": 0}, toy.Lost, toy.ToyScope(cpus=2), toy.LOST, cell={}, expected=None
    )  # fmt: skip
    assert trace.lanes == ("CPU0", "KVM", "VMM", "device")
    assert trace.provenance == (str(toy.Quiet.patch),)
    assert trace.sentence.endswith("nobody is left who would clear it. [pin=0]")


def test_super_calls_and_overrides_stay_in_their_lane() -> None:
    path = [("program_pin", (0, toy.IoapicVersion.V11, False)), *toy.LOST[:3]]
    event = replay(toy.Lost, toy.ToyScope(), path)[-1]
    assert "pending_eoi none -> 0" in [change.text for change in event.changes]
    assert [call.function for call in event.calls] == ["apic_set_eoi"]


def test_expected_states_are_compared() -> None:
    states = states_of(toy.STORM)
    assert replay(toy.Storm, toy.ToyScope(), toy.STORM, 1, expected=states)
    states[2] = states[1]
    with pytest.raises(InternalError, match=r"after step 2, kvm_inject\(0\) in_handler\[0\] is 1, but 0 was expected"):
        replay(toy.Storm, toy.ToyScope(), toy.STORM, expected=states)
    with pytest.raises(InternalError, match="4 steps, but 1 states"):
        replay(toy.Storm, toy.ToyScope(), toy.STORM, expected=states[:1])


@pytest.mark.parametrize(
    ("path", "loop", "message"),
    [
        (toy.STORM[1:], None, r"step 1, kvm_inject\(0\) is disabled"),
        ([("explode", ())], None, r"step 1, explode\(\): Storm has no such step"),
        (toy.STORM, 2, r"after the end of the loop to step 3 in_handler\[0\] is 0, but 1 was expected"),
    ],
)
def test_a_path_that_does_not_run_is_our_bug(path: Steps, loop: int | None, message: str) -> None:
    with pytest.raises(InternalError, match=message):
        replay(toy.Storm, toy.ToyScope(), path, loop)
    with pytest.raises(StoryError, match=message):
        replay(toy.Storm, toy.ToyScope(), path, loop, error=StoryError)


BAD = [Label("{0}"), Label("x", lane="{1}"), Label("{nobody}"), Label(3)]  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", BAD)
def test_bad_labels_are_the_modellers_bug(bad: Label) -> None:
    class Bad(toy.Storm):
        __annotations__ = {"pending_eoi": Annotated[toy.Vector | None, bad]}

    with pytest.raises(ModelError, match=r"the label of Bad\.pending_eoi does not fit pending_eoi"):
        replay(Bad, toy.ToyScope(), [])


def test_a_label_is_no_part_of_the_type() -> None:
    labelled, plain = Annotated[toy.Vector, Label("v")], toy.Vector
    assert resolve(labelled, toy.ToyScope(), "") == resolve(plain, toy.ToyScope(), "")
    assert resolve(Annotated[bool, Label("b")], toy.ToyScope(), "") == resolve(bool, toy.ToyScope(), "")


def test_the_profiler_is_given_back() -> None:
    def outer(*_: object) -> None:
        return None

    sys.setprofile(outer)
    try:
        storm()
        assert sys.getprofile() is outer
    finally:
        sys.setprofile(None)


def test_json_round_trip() -> None:
    for trace in (storm(loop_start=1, fairness=("a", "b")), storm(stutter=True)):
        assert from_json(trace.to_json()) == trace


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-5],
        lambda text: "[]",
        lambda text: text.replace("eoiproof trace 1", "eoiproof trace 0"),
        lambda text: text.replace('"sentence"', '"sentences"'),
        lambda text: text.replace('"loop_start": null', '"loop_start": 9'),
        lambda text: text.replace('"device"\n ],\n "events"', '"nobody"\n ],\n "events"'),
    ],
)
def test_json_that_is_no_trace(spoil: Callable[[str], str]) -> None:
    with pytest.raises(StoryError, match="not a trace"):
        from_json(spoil(storm().to_json()))


def test_spelling_of_values() -> None:
    values: list[object] = [None, True, False, 3, toy.IoapicVersion.V20, Mask(bits=5)]
    assert [show(value) for value in values] == ["none", "1", "0", "3", "V20", "{0,2}"]
