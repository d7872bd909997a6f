"""A patch adds fields to each vCPU, as C patches do: with two vCPUs, generated C and CPython agree on all of it."""

from __future__ import annotations

import pytest

from checker.engine.atoms import atoms
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.language.lower import lower
from model.devices import Level
from model.guests.linux import Linux
from model.lang import compose
from model.machine import Scope
from model.vmms.qemu import Qemu
from tests.rigs.compare import compare_everywhere, compare_reachable
from tests.rigs.pv_eoi import PvEoi, none_is_noted, noted_in_service

SCOPE = Scope(cpus=2, pins=1)
SYSTEM = compose(PvEoi, Qemu, Linux, Level)
PROPERTIES = [noted_in_service, none_is_noted]


@pytest.mark.everything
def test_engines_agree() -> None:
    program = lower(SYSTEM, SCOPE, PROPERTIES)
    assert compare_reachable(program, SYSTEM, SCOPE, PROPERTIES) > 100
    compare_everywhere(program, SYSTEM, SCOPE)


def test_each_vcpu_has_its_own() -> None:
    """The note of either vCPU may be set, and a property finds out which."""
    program = lower(SYSTEM, SCOPE, PROPERTIES)
    search = NativeSearch(program, Reference(SYSTEM, SCOPE), keep_edges=True)
    assert search.run(Limits(), None) is Outcome.COMPLETE
    names = [formula.name for formula in program.formulas]
    found = {(names[a.formula], a.args): search.first_state(a, False) is not None for a in atoms(program)}
    assert found == {
        ("noted_in_service", (0,)): False, ("noted_in_service", (1,)): False,
        ("none_is_noted", (0,)): True, ("none_is_noted", (1,)): True,
    }  # fmt: skip
