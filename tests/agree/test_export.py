"""SPIN and rumur read what is exported and find what the model has: as many states and transitions, the same verdicts."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.engine.reference import Explored, Reference, bindings_of, is_of_edges
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.scope import parse_scope
from model.finite import Table
from model.lang import Design, Property, Scope
from tests.rigs.exports import asked, both_peers, counts, needs_spin, small_random_design, text_of
from tests.rigs.header import Box, Cpu, Mask, Pin, Sizes, Struct, always, reachable, require, step
from tests.rigs.volume import NIGHTLY, at_once, volume
from tools import peers, toys
from tools.peers import FAULT

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

ONE_CPU = replace(toys.TOYS["T"].scope, cpus=1)


@functools.cache
def explored_whole(design: type[Design], scope: Scope) -> Explored:
    explored = Reference(design, scope).explore()
    assert explored.stopped is None
    return explored


def by_reference(design: type[Design], scope: Scope) -> tuple[int, int]:
    explored = explored_whole(design, scope)
    return len(explored.states), len(explored.edges)


# ---- counts ----


@both_peers
def test_a_toy_has_the_counts_that_others_found(peer: str) -> None:
    assert_counts(peer, "T")


@needs_spin
def test_depth_first_and_breadth_first_store_the_same_states() -> None:
    """What steps have for themselves is hidden in the one and cleared in the other."""
    text = text_of("promela", toys.Toy, ONE_CPU)
    found = [counts("promela", peers.spin(text, breadth_first=first, flags=peers.QUICK)) for first in (False, True)]
    assert found == [by_reference(toys.Toy, ONE_CPU)] * 2
    forgets = text.replace("#define CLEAR(x) x = 0;", "#define CLEAR(x)")
    assert counts("promela", peers.spin(forgets, flags=peers.QUICK)) != found[0]


@pytest.mark.skipif(not NIGHTLY, reason="half a minute: make nightly counts it, and make bench")
@both_peers
def test_a_toy_of_millions(peer: str) -> None:
    assert_counts(peer, "S")


def assert_counts(peer: str, size: str) -> None:
    toy = toys.TOYS[size]
    ran = {"promela": peers.spin, "murphi": peers.rumur}[peer](text_of(peer, toys.Toy, toy.scope))
    assert counts(peer, ran) == (toy.states, toy.transitions)


def the_cell(design: str, vmm: str, guest: str, device: str, scope: str) -> Cell:
    found = matrix(
        (design, designs()[design]), kernels=["base"], vmms=[vmm], guests=[guest], devices=[device],
        scope=parse_scope(scope),
    )  # fmt: skip
    return next(cell for cell in found if isinstance(cell, Cell))


CELLS = [
    ("v1", "qemu", "linux", "level", "cpus=2,pins=1,vectors=2,ioapic=0x20"),
    ("v6", "setup_vmm", "linux", "level", "cpus=1,pins=1,vectors=1,ioapic=0x11"),
    ("base", "qemu", "any", "mixed", "cpus=1,pins=1,vectors=1,ioapic=0x11"),
]


@both_peers
@pytest.mark.parametrize("who", at_once(CELLS, len(CELLS)), ids=lambda who: "-".join(who[:3]))
def test_cells_of_the_model(peer: str, who: tuple[str, str, str, str, str]) -> None:
    cell = the_cell(*who)
    expected = by_reference(cell.system, cell.scope)
    assert expected[0] > 10
    assert counts(peer, asked(peer, cell.system, cell.scope)) == expected


@both_peers
@pytest.mark.parametrize("seed", range(volume(1, 20)))
def test_random_programs(peer: str, seed: int, tmp_path: Path) -> None:
    design, explored = small_random_design(Random(seed), tmp_path)
    found = counts(peer, asked(peer, design, Sizes()))
    assert found == (len(explored.states), len(explored.edges)), str(tmp_path)


# ---- verdicts ----


def by_python(p: Property, design: type[Design], scope: Scope) -> bool:
    """An `always` is violated, a `reachable` not reached by every binding."""
    reference, explored = Reference(design, scope), explored_whole(design, scope)
    answers = []
    for args in bindings_of(p, scope):
        if is_of_edges(p):
            pairs = {(s, t) for s, _, t in explored.edges}
            said = (reference.holds_on_edge(p.function, args, explored.states[s], explored.states[t]) for s, t in pairs)
        else:
            said = (bool(reference.holds(p.function, args, state)) for state in explored.states)
        answers.append(any(said) if p.kind == "reachable" else all(said))
    return not all(answers)


@always()
def a_masked_pin_is_not_sent(before: toys.Toy, s: toys.Toy, pin: toys.Pin) -> bool:
    """Holds of each step: Remote IRR is not set by one that finds the pin masked."""
    return not before.entries[pin].mask or before.entries[pin].remote_irr or not s.entries[pin].remote_irr


@always()
def an_entry_stays(before: toys.Toy, s: toys.Toy, pin: toys.Pin) -> bool:
    """Wrong: no step masks a pin."""
    return before.entries[pin].mask or not s.entries[pin].mask


@reachable()
def a_pin_is_masked(s: toys.Toy, pin: toys.Pin) -> bool:
    """Reached."""
    return s.entries[pin].mask


PROPERTIES = [
    toys.line_is_sent, toys.nothing_is_pending, toys.both_are_in_service, a_pin_is_masked, a_masked_pin_is_not_sent,
    an_entry_stays,
]  # fmt: skip


def test_the_properties_are_of_both_kinds() -> None:
    said = {p.name: by_python(p, toys.Toy, ONE_CPU) for p in PROPERTIES}
    assert set(said.values()) == {True, False}
    assert said["an_entry_stays"] and said["nothing_is_pending"]


@both_peers
@pytest.mark.parametrize("p", at_once(PROPERTIES, 3), ids=lambda p: p.name)
def test_verdicts(peer: str, p: Property) -> None:
    """Of a `reachable`, SPIN ends where it is reached, and rumur says at the end what is not."""
    ran, wrong = asked(peer, toys.Toy, ONE_CPU, [p]), by_python(p, toys.Toy, ONE_CPU)
    reported = wrong if peer == "murphi" or p.kind == "always" else not wrong
    assert set(ran.violated) == ({p.name} if reported else set())
    if not reported:
        assert counts(peer, ran) == by_reference(toys.Toy, ONE_CPU), "a property adds no state"


class Overflows(Box):
    @step(by="guest")
    def up(self, flag: bool) -> None:
        require(flag != self.on)
        self.pin = self.pin + 1
        self.on = flag


class Stays(Box):
    @step(by="guest")
    def up(self) -> None:
        require(self.pin < 2)
        self.pin = self.pin + 1


@both_peers
@pytest.mark.parametrize("design", [Overflows, Stays], ids=lambda design: design.__name__)
def test_faults(peer: str, design: Any) -> None:
    fault = Reference(design, Sizes()).explore().stopped == "fault"
    assert fault is (design is not Stays)
    assert asked(peer, design, Sizes()).violated == [FAULT] * fault


# ---- tables of tables, and verdicts of the model ----


class Rows(Struct):
    pending: Table[Pin, bool]
    lines: Table[Cpu, Table[Pin, bool]]


class Nested(Design):
    scope: Sizes
    rows: Table[Cpu, Rows]
    last: Pin

    @step(by="guest")
    def set_one(self, cpu: Cpu, pin: Pin) -> None:
        require(not any(p for p in self.rows[cpu].pending.values()) and not self.rows[0].lines[cpu][self.last])
        self.rows[cpu].pending[pin] = True
        self.last = pin

    @step(by="guest")
    def move_on(self, cpu: Cpu) -> None:
        require(self.rows[cpu].pending[self.last])
        lines = self.rows[cpu].lines
        lines[cpu][self.last] = True
        self.rows[cpu].pending[self.last] = False


class Wide(Box):
    """A mask that needs more than a byte, in a field and in a variable of a step."""

    @step(by="guest")
    def add(self, pin: Pin) -> None:
        require(pin not in self.irr)
        self.irr.add(pin)

    @step(by="guest")
    def take_all(self) -> None:
        both = self.irr | self.isr
        require(not self.isr)
        for pin in both:
            if pin != 0:
                self.isr.add(pin)


@both_peers
def test_masks_of_more_than_a_byte(peer: str) -> None:
    scope = Sizes(pins=9)
    assert counts(peer, asked(peer, Wide, scope)) == by_reference(Wide, scope)


@both_peers
def test_tables_of_tables(peer: str) -> None:
    assert counts(peer, asked(peer, Nested, Sizes())) == by_reference(Nested, Sizes())


@both_peers
@pytest.mark.parametrize(("design", "violated"), [("v1", True), ("base", False)])
def test_a_verdict_of_the_model(peer: str, design: str, violated: bool) -> None:
    cell, p = (
        the_cell(design, "qemu", "windows_cg", "level", "cpus=1,pins=1,vectors=1,ioapic=0x11"),
        all_properties()["no_eoi_lost"],
    )
    assert by_python(p, cell.system, cell.scope) is violated
    assert asked(peer, cell.system, cell.scope, [p]).violated == [p.name] * violated


# ---- names ----


class Named(Box):
    """Fields that are words of Promela, of Murphi, of C or of what SPIN generates."""

    init: bool
    end: bool
    var: Pin
    errno: bool
    my: bool
    now: Mask[Pin]
    depth: Table[Pin, bool]

    @step(by="guest")
    def run(self, rule: Pin) -> None:
        mask = rule
        trpt: Pin = 0
        for hash in self.depth:
            if self.depth[hash]:
                trpt = hash
        require(not self.depth[mask])
        self.depth[mask] = not self.init
        self.now.add(trpt)
        self.errno = not self.errno
        self.end = self.my
        self.my = self.errno


@always()
def holds(s: Named, skip: Pin) -> bool:
    """Violated."""
    return skip not in s.now


@both_peers
def test_names_of_the_other_languages(peer: str) -> None:
    explored = Reference(Named, Sizes()).explore()
    assert counts(peer, asked(peer, Named, Sizes())) == (len(explored.states), len(explored.edges))
    assert len(asked(peer, Named, Sizes(), [holds]).violated) == 1
