"""Expressions along a run: where each changes; what is none is refused with its own words and the nearest name."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from checker.engine.reference import Codes, Reference
from checker.stories.trace import StoryError, from_json
from checker.stories.watch import Watched, check, watched
from tests.command.conftest import Ran, eoi
from tests.rigs.story_toy import Storm, ToyScope

__all__ = ["eoi"]
pytestmark = pytest.mark.unit
CELL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11,flags=0x0")


def run_of(steps: int) -> list[Codes]:
    """The first possible move, again and again."""
    reference = Reference(Storm, ToyScope())
    states = [reference.start]
    for _ in range(steps):
        states.append(next(reference.successors(states[-1]))[1])
    return states


def values_of(expression: str, states: list[Codes]) -> tuple[str, ...]:
    (one,) = watched(Storm, ToyScope(), states, [expression])
    return one.values


def test_values_are_those_of_each_state() -> None:
    """As a second system says that is put into it."""
    states = run_of(6)
    reference = Reference(Storm, ToyScope())
    expected = [str(int(reference.holds(lambda s: s.ioapic[0].remote_irr, (), state))) for state in states]
    assert len(set(expected)) == 2 and values_of("s.ioapic[0].remote_irr", states) == tuple(expected)
    found = values_of("not s.ioapic[0].remote_irr", states)
    assert found == tuple(str(1 - int(value)) for value in expected)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("s.apic[0].irr", "{}"), ("any(lapic.irr for lapic in s.apic.values())", "0"), ("(1, s.ioapic[0].remote_irr)", "(1, 0)"),
        ("1 + 1", "2"), ("IoapicVersion.V20 == IoapicVersion.V11", "0"), ("IoapicVersion.V20", "V20"), ("s.scope.vectors", "2"),
        (" s.apic[0].irr.highest() ", "none"),
    ],
)  # fmt: skip
def test_what_may_be_watched(expression: str, value: str) -> None:
    assert values_of(expression, run_of(0)) == (value,)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("s.apic[0].irrr", "Lapic has no field 'irrr': did you mean 'irr'?"),
        ("s.iopic[0]", "s has no field 'iopic': did you mean 'ioapic'?"),
        ("apic", "unknown name 'apic': write s.apic"),
        ("iopic", "unknown name 'iopic': did you mean 'ioapic'?"),
        ("IoapicVersion.V21", "IoapicVersion has no member 'V21': did you mean 'V20'?"),
        ("IoapicVersion", "it is an enumeration: compare something with a member, e.g. IoapicVersion.V11"),
        ("s.apic", "it is many values: name a row: [0]"),
        ("s.apic[0]", "it is many values: name a field: "),
        ("s.apic[7].irr", "index 7 is outside"),
        ("s.apic[0].irr.add(0)", "it changes the state"),
        ("s.apic[0].irr.highest", "it is a function: call it: s.apic[0].irr.highest(...)"),
        ("s.apic[0].irr + 1", "unsupported operand"),
        ("1 // 0", "integer"),
        ("s._finite", "'_finite' is no field"),
        ("s.__class__", "'__class__' is no field"),
        ("(lambda: 1)()", "`lambda: 1` is not in the language"),
        ("[1]", "`[1]` is not in the language"),
        ("2 ** 9", "`Pow` is not in the language"),
        ("(x for x in s.apic)", "`... for ...` stands in any(...) or all(...) only"),
        ("open('f')", "unknown name 'open'"),
        ("'text'", "a str is no value of the state"),
        ("x := 1", "no expression: "),
        ("1 +", "no expression: "),
        ("", "no expression: "),
        ("-" * 5000 + "1", ""),
    ],
)
def test_what_is_none_is_told(expression: str, said: str) -> None:
    with pytest.raises(StoryError) as told:
        watched(Storm, ToyScope(), run_of(0), [expression])
    assert str(told.value).startswith(f"--watch {expression!r}: {said}")


def test_a_field_that_one_system_has_is_looked_for_in_all() -> None:
    class Other(Storm):
        more: bool

    check([(Storm, ToyScope()), (Other, ToyScope())], ["s.more"])
    with pytest.raises(StoryError, match="s has no field 'more'"):
        check([(Storm, ToyScope())], ["s.more"])
    check([], ["nothing is asked"])


def test_a_change_is_told_with_its_step() -> None:
    assert Watched("x", ("0", "0", "1", "1", "0")).changes() == [(2, "1"), (4, "0")]
    assert Watched("x", ("0",)).changes() == []


def test_the_command_says_it_below_the_story_which_is_still_sealed(eoi: Callable[..., Ran]) -> None:
    plain = eoi("trace", "v1", "--property", "no_eoi_lost", *CELL)
    ran = eoi(
        "trace", "v1", "--property", "no_eoi_lost", *CELL, "--watch", "s.ioapic[0].remote_irr", "--watch", "s.errno"
    )
    assert ran.code == 1 and ran.out.startswith(plain.out)
    assert ran.out[len(plain.out) :] == (
        "\nWatched: s.ioapic[0].remote_irr\n  at first 0\n  step   5 1  device_raise(pin=0)\n"
        "\nWatched: s.errno\n  at first OK, and so to the end\n"
    )
    ran = eoi("trace", "v1", "--property", "no_eoi_lost", *CELL, "--json", "--watch", "s.ioapic[0].remote_irr")
    told = json.loads(ran.out)
    assert from_json(ran.out) == from_json(eoi("trace", "v1", "--property", "no_eoi_lost", *CELL, "--json").out)
    assert told["watched"] == [{"expression": "s.ioapic[0].remote_irr", "values": ["0"] * 5 + ["1"] * 6}]


def test_a_mistake_is_told_before_anything_is_explored(
    eoi: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.command.trace._smallest", lambda options: 1 / 0)
    ran = eoi("trace", "v1", "--property", "no_eoi_lost", *CELL, "--watch", "s.apic[0].isrr")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "eoi: --watch 's.apic[0].isrr': Lapic has no field 'isrr': did you mean 'isr'?\n"
