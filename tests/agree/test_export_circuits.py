"""ABC, NuSMV and Boolector read the circuits that are exported and find what CPython finds: as many states, the same verdicts, and
runs of the same length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.engine.reference import is_of_edges
from checker.matrix.roles import all_properties
from checker.symbolic.unrolling import Taken, Unrolling
from model.lang import Property
from tests.agree.test_export import ONE_CPU, PROPERTIES, Nested, Overflows, Stays, the_cell
from tests.rigs.circuits import Found, by_python, circuit, explored, read, readers
from tests.rigs.exports import small_random_design
from tests.rigs.header import Sizes, always
from tests.rigs.volume import volume
from tools import toys

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

all_readers = readers("ABC", "NuSMV", "btormc")
that_count = readers("ABC", "NuSMV")


def same(of: Found, expected: Found) -> bool:
    return of == expected if of.states is not None else of.steps == expected.steps


@that_count
@pytest.mark.parametrize("design", [Nested, Stays], ids=lambda design: design.__name__)
def test_as_many_states(reader: str, design: Any) -> None:
    """Three pins: some codes of an argument are none of its type."""
    count = len(explored(design, Sizes()).states)
    assert count > 2
    assert read(reader, circuit(design, Sizes())) == Found(count, None)


@always()
def one_thing_at_a_time(before: toys.Toy, s: toys.Toy, pin: toys.Pin) -> bool:
    """Holds of each step."""
    return before.entries[pin].mask == s.entries[pin].mask or before.entries[pin].line == s.entries[pin].line


ASKED = [*PROPERTIES, one_thing_at_a_time]


@all_readers
@pytest.mark.parametrize("p", ASKED, ids=lambda p: p.name)
def test_verdicts_and_lengths(reader: str, p: Property) -> None:
    expected, said = by_python(toys.Toy, ONE_CPU, p), read(reader, circuit(toys.Toy, ONE_CPU, [p]))
    if is_of_edges(p) and expected.steps is not None:  # what is remembered of a bad step tells states apart
        expected, said = replace(expected, states=None), replace(said, states=None)
    assert same(said, expected)


def test_the_verdicts_are_of_both_kinds() -> None:
    lengths = {p.name: by_python(toys.Toy, ONE_CPU, p).steps for p in ASKED}
    assert lengths["one_thing_at_a_time"] is lengths["line_is_sent"] is None
    assert lengths["an_entry_stays"] == 1 and max(n or 0 for n in lengths.values()) > 2


@pytest.mark.parametrize("p", ASKED, ids=lambda p: p.name)
def test_unrolled_it_finds_a_shortest_run(p: Property) -> None:
    """Step by step, by our own unrolling and a SAT solver: as many steps as CPython needs, and a run that it takes."""
    expected = by_python(toys.Toy, ONE_CPU, p).steps
    made = circuit(toys.Toy, ONE_CPU, [p])
    unrolling, found, steps = Unrolling(made), list[list[Taken] | None](), 0
    while not any(run is not None for run in found) and unrolling.steps <= (6 if expected is None else expected):
        steps = unrolling.steps
        found = unrolling.reached(made.targets, lambda: None)
        unrolling.go_on()
    unrolling.close()
    run, fault = found
    assert fault is None
    assert (None if run is None else len(run)) == expected == (None if run is None else steps)


@all_readers
@pytest.mark.parametrize(("design", "length"), [("v1", 10), ("base", None), ("v6", None)])
def test_cells_of_the_model(reader: str, design: str, length: int | None) -> None:
    of = the_cell(design, "qemu", "windows_cg", "level", "cpus=1,pins=1,vectors=1,ioapic=0x11")
    p = all_properties()["no_eoi_lost"]
    expected = by_python(of.system, of.scope, p)
    assert expected.steps == length and (expected.states or 0) > 10
    assert same(read(reader, circuit(of.system, of.scope, [p])), expected)


@all_readers
@pytest.mark.parametrize(("design", "steps"), [(Overflows, 3), (Stays, None)])
def test_faults(reader: str, design: Any, steps: int | None) -> None:
    """A pin is one of three, and each step goes up by one."""
    assert read(reader, circuit(design, Sizes())).steps == steps


@always()
def goes_up(before: Stays, s: Stays) -> bool:
    """Holds of each step that is taken."""
    return s.pin > before.pin


@all_readers
def test_where_nothing_is_taken_no_step_is_bad(reader: str) -> None:
    expected = by_python(Stays, Sizes(), goes_up)
    assert expected == Found(3, None)
    assert same(read(reader, circuit(Stays, Sizes(), [goes_up])), expected)


@that_count
@pytest.mark.parametrize("seed", range(volume(2, 20)))
def test_random_programs(reader: str, seed: int, tmp_path: Path) -> None:
    design, found = small_random_design(Random(100 + seed), tmp_path)
    assert read(reader, circuit(design, Sizes())).states == len(found.states), str(tmp_path)
