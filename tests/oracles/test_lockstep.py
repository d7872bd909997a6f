"""Lock-step, walks, shrinking, covering, recording and labels, on a second implementation in Python with seeded bugs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from checker.stories.diagram import dots
from checker.stories.old_story import Picture
from checker.stories.read import parse
from checker.stories.trace import from_json, show
from checker.stories.write import to_text
from model.lang import Disabled
from oracles import cover, report
from oracles.confirm import Counterexample, Label, confirm
from oracles.lockstep import Cosimulation, Mismatch, NotRunnable, OracleMissing, Seen
from oracles.record import Recorder, as_text
from oracles.walk import Subject, differs, random_walks, replay, shrunk
from tests.rigs.oracle_toy import Counter, RealCounter, Slots
from tests.rigs.traces import storm

WALK = [("user_puts", (1,)), ("user_thinks", ()), ("user_puts", (2,)), ("user_takes", (1,)), ("user_takes", (2,))]


def subject(bug: str = "", cannot: str = "") -> Subject:
    return Subject(Counter, Slots(), RealCounter(bug, cannot), {"kernel": "counter"})


def test_entries_from_outside_are_done_and_compared_and_others_are_not():
    real = RealCounter()
    lock = Cosimulation(Counter, Slots(), real)
    assert real.performed == [("reset", ())]
    assert lock.step("user_puts", (0,)) == 1
    assert lock.step("user_takes", (0,)) == 1  # the put(1) inside is the real thing's own
    assert real.performed[1:] == [("put", (0,)), ("take", (0,))]
    assert real.slots == {1}
    assert lock.step("user_thinks", ()) == 0
    assert (lock.totals.steps, lock.totals.replayed, lock.totals.agreed, lock.totals.entries) == (3, 2, 2, 3)


def test_what_a_tail_call_does_comes_from_outside():
    lock = Cosimulation(Counter, Slots(), real := RealCounter())
    lock.step("user_puts", (2,))
    assert lock.step("user_takes", (2,)) == 2
    assert real.performed[2:] == [("take", (2,)), ("put", (0,))]


def test_a_disabled_step_does_nothing():
    lock = Cosimulation(Counter, Slots(), real := RealCounter())
    with pytest.raises(Disabled):
        lock.step("user_takes", (1,))
    assert real.performed == [("reset", ())]
    assert lock.totals.steps == 0


def test_a_seeded_bug_is_noticed_at_its_step():
    lock = Cosimulation(Counter, Slots(), RealCounter("keeps2"))
    lock.step("user_puts", (2,))
    with pytest.raises(Mismatch) as caught:
        lock.step("user_takes", (2,))
    mismatch = caught.value
    assert (mismatch.number, mismatch.entry, mismatch.step) == (2, "take", ("user_takes", (2,)))
    assert [(d.name, d.model, d.real) for d in mismatch.differences] == [("full", 0, 4)]
    assert lock.totals.replayed == 2 and lock.totals.agreed == 1


@pytest.mark.parametrize(("bug", "shortest"), [("keeps2", 2), ("silent1", 1)])
def test_random_walks_notice_and_shrink_to_the_shortest(bug: str, shortest: int):
    found = random_walks(subject(bug), seed=3, steps=500).disagreement
    assert found is not None
    assert len(found.walk) == shortest
    assert found.mismatch.differences
    assert differs(found.subject, found.walk) is not None
    text = "\n".join(report.story_lines(found))
    assert "| real" in text and "X" in text and all(len(line) <= 72 and line.isascii() for line in text.split("\n"))


def test_shrinking_leaves_out_what_is_not_needed():
    found = shrunk(subject("keeps2"), WALK)
    assert list(found.walk) == [("user_puts", (2,)), ("user_takes", (2,))]
    assert differs(subject(), WALK) is None


def test_random_walks_agree_without_a_bug_and_are_the_same_again():
    seen: list[list[Seen]] = []
    for _ in range(2):
        told: list[Seen] = []
        result = random_walks(subject(), seed=7, steps=300, length=40, on_step=told.append)
        assert result.disagreement is None and result.totals.replayed == result.totals.agreed == 300
        seen.append(told)
    assert [s.step for s in seen[0]] == [s.step for s in seen[1]]
    other = random_walks(subject(), seed=8, steps=300, on_step=(third := list[Seen]()).append)
    assert other.disagreement is None and [s.step for s in third] != [s.step for s in seen[0]]


def test_what_cannot_be_done_ends_a_walk_and_is_counted():
    result = random_walks(subject("refuses"), seed=1, steps=30, seconds=5)
    assert result.disagreement is None
    assert list(result.not_runnable) == ["it will not give anything back"]
    with pytest.raises(NotRunnable, match="take\\(\\): not here"):
        replay(subject(cannot="take"), WALK)


# ---- covering ----


def parts(move: object) -> list[str]:
    return ["full", "handled"]


def test_covering_takes_every_transition():
    of = cover.space(Counter, Slots())
    assert of.states == len(np.unique(of.codes, axis=0)) > 8
    result = cover.cover(subject(), of, "toy")
    assert result.done == result.kinds == len(of.label) > 50
    assert result.totals.agreed == result.totals.replayed


@pytest.mark.parametrize("bug", ["keeps2", "silent1"])
def test_covering_notices(bug: str):
    found = cover.cover(subject(bug), cover.space(Counter, Slots()), "toy").disagreement
    assert found is not None and len(found.walk) <= 2


def test_local_transitions_are_fewer_and_all_taken():
    def of_step(move: object) -> list[str]:
        return ["+handled"] if move.step == "user_thinks" else ["full", "handled"]  # type: ignore[attr-defined]

    everything, local = cover.space(Counter, Slots()), cover.space(Counter, Slots(), of_step)
    assert local.kinds < everything.kinds == len(everything.label)
    result = cover.cover(subject(), local, "toy")
    assert result.done == local.kinds


@pytest.mark.parametrize("wrong", [["full"], ["handled"], ["+full", "+handled"]])
def test_a_part_that_is_too_small_is_refused(wrong: list[str]):
    with pytest.raises(cover.SliceError):
        cover.space(Counter, Slots(), lambda move: wrong)


def test_a_graph_that_is_too_big_is_refused():
    with pytest.raises(cover.TooBig):
        cover.space(Counter, Slots(slots=12), max_states=1000)


# ---- records ----


def test_a_recorded_walk_can_be_taken_again_and_is_written_as_it_was():
    it = subject()
    recorder = Recorder(it)
    random_walks(it, seed=2, steps=100, length=25, on_step=recorder)
    assert sum(len(w.steps) for w in recorder.walks) >= 100
    for walk in recorder.walks:
        seen, _ = replay(subject(), list(walk))
        observed = [s.observed["full"] for s in seen[1:] if s.entries]
        assert observed == [s.seen["full"] for s in walk.steps if s.seen]
    lines = [json.loads(line) for line in as_text(recorder.walks).splitlines()]
    assert [line["steps"] for line in lines] == [
        [[s.step, list(map(show, s.args)), s.seen] for s in walk.steps] for walk in recorder.walks
    ]
    assert all(line["scope"] == {"slots": "3"} for line in lines)


# ---- labels ----


def label(bug: str = "", cannot: str = "", walk: object = WALK, loop: int | None = None, shown: object = None) -> Label:
    return confirm(lambda: subject(bug, cannot), Counterexample(walk, loop, shown)).label  # type: ignore[arg-type]


def test_labels():
    assert label() is Label.CONFIRMED
    assert label("keeps2") is Label.NOT_REPRODUCED
    assert label(cannot="take") is Label.NOT_RUNNABLE
    assert label(walk=[("user_takes", (1,))]) is Label.NOT_RUNNABLE
    assert label(shown=lambda system: not system.full) is Label.NOT_RUNNABLE
    assert label(shown=lambda system: bool(system.full)) is Label.CONFIRMED

    def missing() -> Subject:
        raise OracleMissing("no such device")

    assert "no such device" in str(confirm(missing, Counterexample(WALK)))
    assert "keeps2" not in str(confirm(lambda: subject("keeps2"), Counterexample(WALK)))
    assert "step 5, user_takes(2): full is {2} in the real system and {} in the model" in str(
        confirm(lambda: subject("keeps2"), Counterexample(WALK))
    )


def test_a_loop_is_run_three_times_and_must_go_on():
    loop = [("user_puts", (1,)), ("user_takes", (1,))]
    found = confirm(subject, Counterexample([("user_puts", (2,)), *loop], 1))
    assert found.label is Label.CONFIRMED and "7 steps, the loop 3 times" in found.text
    assert label(walk=[("user_puts", (1,))], loop=0) is Label.NOT_RUNNABLE  # a second time it is not possible
    assert label("keeps2", walk=[*loop, ("user_puts", (2,)), ("user_takes", (2,))], loop=0) is Label.NOT_REPRODUCED


def test_the_beginning_is_compared_even_if_nothing_was_called():
    class Fresh(Counter):
        def initial(self) -> None:
            """Nothing is called: the toy's set starts with 2 in it, the model's without."""

    with pytest.raises(Mismatch) as caught:
        Cosimulation(Fresh, Slots(), RealCounter())
    assert (caught.value.number, caught.value.entry) == (0, "start")


def test_the_label_is_in_story_diagram_and_json():
    told = replace(storm(loop_start=1), label="CONFIRMED: 23 steps, no difference")
    assert "\nCONFIRMED: 23 steps, no difference\n" in to_text(told)
    assert '"CONFIRMED: 23 steps, no difference' in "".join(dots(told))
    assert from_json(told.to_json()) == told
    own, other = (parse(to_text(t)).picture for t in (told, storm(loop_start=1)))
    assert isinstance(own, Picture) and isinstance(other, Picture) and own.steps == other.steps
