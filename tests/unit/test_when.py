"""What cells say, as conditions: each thing by itself, equal to every cell, and noticed if it is not."""

from __future__ import annotations

import pytest

from checker.errors import InternalError
from checker.questions import when as asked
from checker.questions.minimise import cover
from checker.questions.when import CellSays, leans_on, says_of, when
from checker.questions.when_text import answer_lines

HOLDS, VIOLATED, VACUOUS, OPEN, NOT_ASKED = (
    CellSays.HOLDS, CellSays.VIOLATED, CellSays.VACUOUS, CellSays.OPEN, CellSays.NOT_ASKED,
)  # fmt: skip


def cells(**said):
    """`linux_0x11=HOLDS`: a guest and a version."""
    return [(dict(zip(("guest", "ioapic"), name.split("_"), strict=True)), says) for name, says in said.items()]


ALL = cells(linux_0x11=HOLDS, linux_0x20=HOLDS, xen_0x11=VIOLATED, xen_0x20=HOLDS, bsd_0x11=VACUOUS, bsd_0x20=VACUOUS)


def test_each_thing_said_has_a_condition_of_its_own():
    found = when("p", ALL)
    assert set(found.conditions[HOLDS]) == {(("linux",), ("0x11", "0x20")), (("xen",), ("0x20",))}
    assert found.conditions[VIOLATED] == ((("xen",), ("0x11",)),)
    assert found.conditions[VACUOUS] == ((("bsd",), ("0x11", "0x20")),)
    assert found.cells == {HOLDS: 3, VIOLATED: 1, VACUOUS: 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [("ok", HOLDS), ("(ok)", VACUOUS), ("FAIL 10", VIOLATED), ("FAIL 8+5", VIOLATED), ("FAIL 3 stays", VIOLATED),
     ("yes 5", CellSays.REACHED), ("no", CellSays.NEVER), ("?", OPEN), (None, NOT_ASKED)],
)  # fmt: skip
def test_a_verdict_is_what_the_record_calls_it(text, says):
    assert says_of(text) is says


@pytest.mark.parametrize("other", [OPEN, NOT_ASKED, VACUOUS])
def test_what_is_not_known_or_not_asked_is_never_told_to_hold(other):
    """One cell among those that hold: the condition leaves it out, though it takes longer to say."""
    said = cells(linux_0x11=HOLDS, linux_0x20=other, xen_0x11=HOLDS, xen_0x20=HOLDS)
    found = when("p", said)
    assert not found.allows(HOLDS, said[1][0]) and found.allows(other, said[1][0])
    assert [found.allows(HOLDS, place) for place, _ in said].count(True) == 3 == found.cells[HOLDS]


def test_with_what_it_is_never_asked_is_told_apart():
    found = when("p", [*ALL, *cells(any_0x11=NOT_ASKED, any_0x20=NOT_ASKED)])
    assert (found.unasked, found.apart) == ({"guest": ("any",)}, 2)
    assert found.axes["guest"] == ("linux", "xen", "bsd") and NOT_ASKED not in found.conditions


def test_a_combination_without_a_cell_is_free_and_that_is_said():
    said = cells(linux_0x11=HOLDS, linux_0x20=HOLDS, xen_0x11=VIOLATED, xen_0x20=HOLDS, kvm_0x11=VIOLATED)
    found = when("p", said)
    assert leans_on(found, said, HOLDS) == [("kvm", "0x20")] and not leans_on(found, said, VIOLATED)
    assert not leans_on(found, said, HOLDS, own=list(found.axes))  # there are such systems, and they were not tried
    text = "\n".join(answer_lines("d", [found], {"p": {HOLDS: [("kvm", "0x20")], VIOLATED: []}}))
    assert (
        text.startswith("d, p: holds (3 of 5 cells) iff ")
        and "(true also of combinations that no cell has: holds 1, e.g. kvm, 0x20)" in text
    )


def drops_a_cube(axes, on, off):
    return cover(axes, on, off)[1:]


def takes_what_is_off_for_free(axes, on, off):
    return cover(axes, on, frozenset())


def is_a_cube_too_wide(axes, on, off):
    return (*cover(axes, on, off), axes)


@pytest.mark.parametrize("wrong", [drops_a_cube, takes_what_is_off_for_free, is_a_cube_too_wide])
def test_a_minimiser_that_is_wrong_is_noticed(monkeypatch, wrong):
    when("p", ALL)
    monkeypatch.setattr(asked, "cover", wrong)
    with pytest.raises(InternalError, match="when p in "):
        when("p", ALL)


@pytest.mark.parametrize(("says", "for_"), [(VACUOUS, HOLDS), (OPEN, HOLDS), (NOT_ASKED, HOLDS), (VIOLATED, HOLDS)])
def test_folding_one_thing_into_another_is_noticed(says, for_):
    """As if somebody had taken these cells for those."""
    said = cells(linux_0x11=HOLDS, linux_0x20=says, xen_0x11=HOLDS, xen_0x20=VIOLATED)
    folded = when("p", [(place, for_ if of is says else of) for place, of in said])
    with pytest.raises(InternalError):
        asked.check(folded, said)


def test_two_cells_that_no_choice_tells_apart():
    with pytest.raises(InternalError, match="two cells differ in no choice"):
        when("p", [*ALL, *cells(linux_0x11=VIOLATED)])
