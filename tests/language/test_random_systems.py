"""Random systems of two to four roles mean the same to CPython, to C as a whole, and to C that is linked from its parts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine.linked import LinkedProgram, link
from checker.language.lower import lower
from tests.rigs.compare import compare_everywhere, compare_formulas, compare_some
from tests.rigs.header import Version
from tests.rigs.random_systems import loaded, random_system
from tests.rigs.volume import volume


@pytest.fixture(autouse=True)
def modules_are_forgotten() -> Iterator[None]:
    known = set(sys.modules)
    yield
    for name in [name for name in sys.modules if name.startswith("random_") and name not in known]:
        del sys.modules[name]


def compare_system(folder: Path, seed: int, size: int, tries: int) -> tuple[LinkedProgram, int]:
    """The program, and of how many states its properties were asked."""
    system = random_system(folder, seed, size)
    design, scope, properties = loaded(system, folder)
    try:
        program = lower(design, scope, properties)
        asked = 0
        for choice in (scope, replace(scope, lazy=True, version=Version.V11)):
            compare_everywhere(program, design, choice, tries)
            asked += compare_formulas(program, design, choice, properties)
        compare_some(program, design, scope, properties)
    except Exception as error:
        error.add_note(system.text())
        raise
    return link(program, design, ()), asked


# Seeds 3 and 4 notice a call across roles that is bound to the function which the right one restates.
@pytest.mark.everything
@pytest.mark.parametrize("seeds", [range(3, 4), range(4, volume(5, 30))])
def test_whole_and_linked_do_what_cpython_does(tmp_path: Path, seeds: range) -> None:
    called = asked = 0
    for seed in seeds:
        linked, states = compare_system(tmp_path, seed, size=6, tries=30)
        asked += states
        assert len(linked.offsets) >= 2
        called += sum(len(file.imports) for file in linked.files)
    assert asked >= 20 * len(seeds)
    assert called >= 2 * len(seeds), "functions of other parts are called"
