"""z3's terms and CPython give the same answer for every state and step, and for every `always` in every state."""

from __future__ import annotations

from random import Random

import pytest

from checker.engine.reference import Codes, Reference, bindings_of
from checker.language.layout import bindings, instances
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_eval import Evaluator
from checker.symbolic.z3_terms import Z3Terms
from model import lang
from model.devices import Level
from model.finite import RangeError
from model.guests.linux import Linux
from model.lang import Design, compose
from model.machine import Scope
from model.vmms.qemu import Qemu
from tests.rigs.model_cells import SMALL, applying, one_cell, pair_id
from tests.rigs.pv_eoi import PvEoi
from tests.rigs.volume import volume

MOST = volume(60, 10_000_000)  # states
TWO_PINS = "cpus=1,pins=2,vectors=2"
TWO_CPUS = "cpus=2,pins=1,vectors=2"
CELLS = [
    ("base", one_cell("base", "qemu", "0x20", "linux", "level", TWO_CPUS)),
    ("v1", one_cell("v1", "qemu", "0x11", "windows_cg", "level", TWO_PINS)),
    ("base", one_cell("base", "openvmm", "0x11", "xen", "mixed", TWO_PINS)),
    ("v1", one_cell("v1", "openvmm", "0x11", "windows_cg", "edge", TWO_CPUS)),
    ("base", one_cell("base", "qemu", "0x11", "windows_cg", "level", TWO_PINS + ",throttle=on")),
    ("base", one_cell("base", "qemu", "0x20", "xen", "level", TWO_CPUS + ",x2apic=off")),
    ("v1", one_cell("v1", "openvmm", "0x11", "any", "level", SMALL)),
    ("base", one_cell("base", "qemu", "0x20", "any", "edge", SMALL)),
]


@pytest.mark.everything
@pytest.mark.parametrize("pair", CELLS, ids=pair_id)
def test_steps(pair: tuple[str, Cell]) -> None:
    assert_steps_agree(pair[1].system, pair[1].scope)


@pytest.mark.everything
def test_steps_of_a_design_that_adds_fields_to_each_vcpu() -> None:
    assert_steps_agree(compose(PvEoi, Qemu, Linux, Level), Scope(cpus=2, pins=1))


def some(states: list[Codes]) -> list[Codes]:
    """By day a seeded sample."""
    return states if len(states) <= MOST else Random(20250918).sample(states, MOST)


def assert_steps_agree(system: type[Design], scope: lang.Scope) -> None:
    reference = Reference(system, scope)
    program = lower(system, scope, [])
    evaluator = Evaluator(Symbolic(program, scope, Z3Terms.wide_enough(program)))
    pairs = list(zip(instances(program), reference.moves, strict=True))
    assert [i.step for i, _ in pairs] == [m.step for _, m in pairs]
    states = some(reference.explore().states)
    enabled = disabled = 0
    for state in states:
        for instance, move in pairs:
            try:
                expected, fault = reference.successor(state, move), False
            except RangeError:
                expected, fault = None, True
            outcome = evaluator.step(instance, state)
            assert (outcome.successor, outcome.fault) == (expected, fault), (state, move)
            assert outcome.enabled == (expected is not None or fault), (state, move)
            enabled += outcome.enabled
            disabled += not outcome.enabled
    assert enabled > len(states) / 2
    assert disabled > 0
    assert enabled + disabled == len(states) * len(pairs)


@pytest.mark.everything
@pytest.mark.parametrize("pair", CELLS, ids=pair_id)
def test_formulas(pair: tuple[str, Cell]) -> None:
    cell = pair[1]
    known = {p.name: p for p in applying(cell)}
    program = lower(cell.system, cell.scope, list(known.values()))
    reference = Reference(cell.system, cell.scope)
    evaluator = Evaluator(Symbolic(program, cell.scope, Z3Terms.wide_enough(program)))
    states = some(reference.explore().states)
    seen: dict[str, set[bool]] = {}
    for formula in program.formulas:
        values = bindings_of(known[formula.name], cell.scope)
        for args, python_args in zip(bindings(formula.params), values, strict=True):
            for state in states:
                said = reference.holds(known[formula.name].function, python_args, state)
                expected = said if isinstance(said, tuple) else (said,)
                found = tuple(evaluator.holds(f, args, state) for f in formula.functions)
                assert found == expected, (formula.name, args, state)
                seen.setdefault(formula.name, set()).update(expected)
    assert set(seen) == set(known)
    assert any(len(values) == 2 for values in seen.values()), "no formula was ever both true and false"
