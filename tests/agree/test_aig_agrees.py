"""The and-inverter graphs of steps and CPython do the same: on every edge of small cells, and in random programs."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.engine.reference import Codes, Reference
from checker.language.layout import Layout
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.symbolic.aig import Aig
from checker.symbolic.aig_terms import AigTerms, Number
from model.finite import size
from tests.language.test_random_programs import HEAD, make_batch
from tests.rigs.aig_worlds import differences
from tests.rigs.compare import designs_in, load_module
from tests.rigs.header import Sizes, Version
from tests.rigs.mail_toy import Mail, MailScope
from tests.rigs.model_cells import SMALL, one_cell, pair_id
from tests.rigs.volume import volume

ONE, TWO_VECTORS = SMALL, "cpus=1,pins=1,vectors=2"
CELLS = [
    ("base", one_cell("base", "qemu", "0x20", "linux", "level", TWO_VECTORS)),
    ("base", one_cell("base", "qemu", "0x11", "windows_cg", "level", ONE)),
    ("base", one_cell("base", "qemu", "0x20", "xen", "level", TWO_VECTORS)),
    ("base", one_cell("base", "qemu", "0x20", "windows_cg", "edge", ONE)),
    ("base", one_cell("base", "openvmm", "0x11", "linux", "mixed", ONE)),
    ("base", one_cell("base", "qemu", "0x20", "xen", "level", ONE + ",x2apic=off")),
    ("v1", one_cell("v1", "qemu", "0x11", "windows_cg", "level", TWO_VECTORS)),
    ("v1", one_cell("v1", "qemu", "0x20", "windows_cg", "level", ONE + ",throttle=on")),
    ("v1", one_cell("v1", "qemu", "0x20", "linux", "mixed", ONE)),
    ("v1", one_cell("v1", "openvmm", "0x11", "xen", "edge", ONE)),
    ("v1", one_cell("v1", "qemu", "0x11", "any", "level", ONE)),
]
LARGE = [
    ("v1", one_cell("v1", "qemu", "0x20", "windows_cg", "level", "cpus=2,pins=2,vectors=2")),
    ("base", one_cell("base", "qemu", "0x20", "linux", "level", "cpus=2,pins=2,vectors=2")),
]
files = itertools.count()


def disagreements(cell: Cell, most: int = 10**9) -> list[str]:
    reference = Reference(cell.system, cell.scope)
    states = reference.explore().states
    assert len(states) > 10
    sample = states if len(states) <= most else Random(1).sample(states, most)
    return differences(lower(cell.system, cell.scope, []), cell.scope, reference, sample)


def test_there_are_ten_cells() -> None:
    assert len({(c.system, c.scope) for _, c in CELLS}) >= 10


@pytest.mark.everything
@pytest.mark.parametrize("pair", CELLS, ids=pair_id)
def test_every_edge_of_a_small_cell(pair: tuple[str, Cell]) -> None:
    assert disagreements(pair[1], volume(300, 10**9)) == []


@pytest.mark.everything
@pytest.mark.parametrize("pair", LARGE, ids=pair_id)
def test_edges_of_a_larger_cell(pair: tuple[str, Cell]) -> None:
    cell = pair[1]
    states = list(itertools.islice(walk(cell), volume(150, 3_000)))
    program = lower(cell.system, cell.scope, [])
    assert differences(program, cell.scope, Reference(cell.system, cell.scope), states) == []


def walk(cell: Cell) -> Any:
    """States of a random walk."""
    reference, choose = Reference(cell.system, cell.scope), Random(7)
    state = reference.start
    while True:
        yield state
        following = [after for _, after in reference.successors(state)]
        state = choose.choice(following) if following else reference.start


@pytest.mark.parametrize("forward", [False, True])
def test_every_state_of_a_toy_that_can_fault(forward: bool) -> None:
    scope = MailScope(forward=forward)
    program = lower(Mail, scope, [])
    types = [leaf.type for leaf in Layout(program).leaves]
    states: list[Codes] = list(itertools.product(*(range(size(of)) for of in types)))
    assert differences(program, scope, Reference(Mail, scope), states) == []


def random_disagreements(folder: Path, seed: int) -> list[str]:
    batch = make_batch(folder, Random(seed), 6)
    assert batch
    name = f"random_{next(files)}_aig"
    path = folder / f"{name}.py"
    path.write_text(HEAD + "\n".join(batch))
    try:
        design, wrong = designs_in(load_module(path, name)), list[str]()
        for scope in (Sizes(), Sizes(lazy=True, version=Version.V11)):
            program = lower(design, scope)
            types, choose = [leaf.type for leaf in Layout(program).leaves], Random(seed)
            states = [tuple(choose.randrange(size(of)) for of in types) for _ in range(40)]
            wrong += differences(program, scope, Reference(design, scope), states)
        return wrong
    finally:
        sys.modules.pop(name, None)


@pytest.mark.everything
@pytest.mark.parametrize("seed", range(volume(4, 200)))
def test_random_programs(tmp_path: Path, seed: int) -> None:
    assert random_disagreements(tmp_path, seed) == []


# --- bugs put in ---


def any_operand_absorbs(self: Aig, a: int, b: int) -> int:
    return (
        b if a > 1 and self.operands[b >> 1] is not None and a in (self.operands[b >> 1] or ()) else honest(self, a, b)
    )


def choice_of_the_other(self: Aig, test: int, then: int, other: int) -> int:
    return self.conjunction(test, then) if other == 0 else self.disjunction(test, self.conjunction(then, other))


def carries_are_lost(self: Number, other: Any) -> Any:
    return self | other


def one_member_less(self: AigTerms, element: Any) -> Any:
    return honest_single(self, element) if isinstance(element, int) else honest_single(self, element) & 1


honest, honest_single = Aig.conjunction, AigTerms.single
BUGS: list[tuple[type, str, Callable[..., Any]]] = [
    (Aig, "conjunction", any_operand_absorbs),
    (Aig, "choice", choice_of_the_other),
    (Number, "__add__", carries_are_lost),
    (AigTerms, "single", one_member_less),
]


@pytest.mark.parametrize(("owner", "attribute", "bug"), BUGS, ids=[bug.__name__ for *_, bug in BUGS])
def test_a_bug_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, owner: type, attribute: str, bug: Callable[..., Any]
) -> None:
    def found() -> bool:
        scope = MailScope()
        program, reference = lower(Mail, scope, []), Reference(Mail, scope)
        states = list(itertools.product(*(range(size(leaf.type)) for leaf in Layout(program).leaves)))
        if differences(program, scope, reference, states):
            return True
        return any(random_disagreements(tmp_path, seed) for seed in range(4))

    monkeypatch.setattr(owner, attribute, bug)
    assert found()
