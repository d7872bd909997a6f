"""certificate/by_case.py: in each state the same edges and the same answers as CPython gives without it, and what is looked at in
a way that it cannot see is noticed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker.certificate import by_case, check
from checker.certificate.by_case import ByCase, Cases, Watch
from checker.certificate.check import Certificate, Model, parameters
from checker.engine.reference import is_of_edges
from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from model.lang import Design, Disabled, ModelError, Property, Scope, load, save
from tests.rigs.certified import made_of
from tests.rigs.compare import load_module
from tests.rigs.header import Sizes
from tests.rigs.model_cells import one_cell
from tests.rigs.random_systems import loaded, random_system
from tests.rigs.volume import volume

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

CELLS = [
    ("v6", "qemu", "xen", "cpus=2,pins=1,vectors=2,ioapic=0x20,flags=BOTH"),
    ("v5", "qemu_kernel_irqchip", "linux", "cpus=1,pins=2,vectors=2,ioapic=0x20,flags=BIT2"),
    ("base", "cloud_hypervisor", "linux_tmr0", "cpus=1,pins=1,vectors=2,ioapic=0x11"),
    ("v1", "openvmm", "any", "cpus=1,pins=1,vectors=2,ioapic=0x11"),
]


def visited(found: Certificate, state: int) -> Iterator[Any]:
    """All that is asked in a state and of its edges."""
    here, ways = found.visit(state)
    yield [bool(question(*here)) for _, question, _ in found.left[False]]
    yield [tuple(map(bool, question(*here))) for question, _ in found.ranks]
    for move, after, then in ways:
        yield move, after, [bool(question(*then)) for _, question, _ in found.left[True]]


def both_of(cell: Cell, path: Path, names: tuple[str, ...] = ()) -> tuple[Certificate, ByCase]:
    path.write_bytes(made_of(cell, names).content)
    return Certificate(path), ByCase(path)


@pytest.mark.parametrize(("design", "vmm", "guest", "scope"), CELLS)
def test_each_state_has_the_same_edges_and_answers(design, vmm, guest, scope, tmp_path):
    (cell,) = select(selection(design, {"vmm": [vmm], "guest": [guest], "device": ["level"]}, [], scope))[1]
    plain, by_cases = both_of(cell, tmp_path / "x.cert")
    assert len(plain.left[False]) > 5 and len(plain.left[True]) > 2 and (plain.ranks or guest == "any")
    states = random.Random(1).sample(plain.states, min(len(plain.states), volume(1_500, 100_000)))
    edges = 0
    for state in states:
        said = list(visited(plain, state))
        assert said == list(visited(by_cases, state)), hex(state)
        edges += len(said) - 2
    assert edges > len(states)
    asked = sum(one.tree is not None for one in by_cases.moves)
    assert asked == len(plain.model.take)


# --- random programs ---


class Asked:
    """Steps and properties of a system: what CPython does and says, and what the cases say."""

    def __init__(self, design: type[Design], scope: Scope, properties: list[Property]) -> None:
        self.plain, self.other = ([Model(design, scope), Model(design, scope)] for _ in range(2))
        watch, now = Watch(*self.other), self.other[1]
        moved: Any = partial(ByCase.moved, SimpleNamespace(model=now))
        told: Any = partial(ByCase.told, None)
        self.steps = [(a, Cases(watch, b, moved)) for a, b in zip(self.plain[1].take, now.take, strict=True)]
        self.questions = [
            (partial(p.function, *self.systems(self.plain, p), *of), Cases(watch, partial(p.function, *self.systems(self.other, p), *of), told))
            for p in properties for of in parameters(p.function, scope, len(self.systems(self.plain, p))).values()
        ]  # fmt: skip
        self.sizes = now.sizes * 2

    @staticmethod
    def systems(models: list[Model], p: Property) -> list[Design]:
        return [model.system for model in models[not is_of_edges(p) :]]

    def by_cpython(self, codes: list[int], function: Any) -> Any:
        half = len(codes) // 2
        for model, part in zip(self.plain, (codes[:half], codes[half:]), strict=True):
            load(model.cells, tuple(part))
        try:
            said = function()
        except Disabled:
            return None
        except ModelError as error:
            return type(error)
        return said, [code for model in self.plain for code in save(model.cells)]

    def by_cases(self, codes: list[int], cases: Cases) -> Any:
        try:
            return cases(codes)
        except ModelError as error:
            return type(error)

    def compare(self, codes: list[int]) -> int:
        """Returns how many steps were possible."""
        found = 0
        for step, cases in self.steps:
            said, by_cases = self.by_cpython(codes, step), self.by_cases(codes, cases)
            if isinstance(said, tuple):
                now = list(codes)
                for at, code in by_cases[1]:
                    now[at] = code
                assert now == said[1]
                found += 1
            else:
                assert by_cases is said
        for question, cases in self.questions:
            said, by_cases = self.by_cpython(codes, question), self.by_cases(codes, cases)
            if isinstance(said, tuple):
                assert by_cases == (tuple(map(bool, said[0])) if isinstance(said[0], tuple) else bool(said[0]))
            else:
                assert by_cases is said
        return found


@pytest.mark.parametrize("seed", range(volume(3, 100)))
def test_random_systems_do_and_say_the_same_by_cases(seed, tmp_path):
    system, choose = random_system(tmp_path, seed, 5), random.Random(seed)
    asked = Asked(*loaded(system, tmp_path))
    codes, steps = [choose.randrange(size) for size in asked.sizes], 0
    for _ in range(300):
        for at in choose.sample(range(len(codes)), 3):
            codes[at] = choose.randrange(asked.sizes[at])
        steps += asked.compare(codes)
    assert steps > 300


def test_a_function_may_look_at_many_cells():
    """More than Python has calls within each other; and at none."""
    watch, asked = SimpleNamespace(sizes=[2] * 3000), list[int]()

    def ask(_: Any, codes: list[int]) -> Any:
        asked.append(1)
        return sum(codes[:2500]), {}, list(range(2500))

    watch.ask = ask
    cases = Cases(watch, lambda: None, lambda said, *_: said)  # type: ignore[arg-type]
    for code in (0, 1, 1, 0):
        assert cases([code] * 3000) == 2500 * code
    assert len(asked) == 4
    watch.ask = lambda *_: (7, {}, [])
    assert Cases(watch, lambda: None, lambda said, *_: said)([1] * 3000) == 7  # type: ignore[arg-type]


# --- what cannot be seen ---

HIDDEN = {
    "by object's own way": "object.__getattribute__(self, '__dict__')['pin']",
    "by what it was told before": "(LOG.append(self.pin) or len(LOG) % 3)",
}


@pytest.mark.parametrize("way", HIDDEN)
def test_what_looks_unseen_or_remembers_is_noticed(way, tmp_path):
    text = "from tests.rigs.header import *\n\nLOG = []\n\n\nclass Mine(Box):\n    @step(by='guest')\n    def move(self) -> None:\n"
    path = tmp_path / "hidden_one.py"
    path.write_text(f"{text}        self.on = {HIDDEN[way]} == 1\n")
    asked = Asked(load_module(path, f"hidden_{way[-3:]}").Mine, Sizes(), [])
    with pytest.raises(ValueError, match="where it is not seen to look"):
        asked.steps[0][1]([0 for _ in asked.sizes])


def test_a_store_is_noted_as_a_look_is():
    seen = list[Any]()
    held = by_case.Noted({"on": False, "pin": 0}, lambda _, key: seen.append(key))
    held["on"] = True
    assert held["pin"] == 0 and seen == ["on", "pin"] and len(held) == 2 and held["on"]


# Each of these makes it see less: something false is then said, or that is noticed.
BLIND = {
    "a look at a field": ("note(get(self, holds), name)", "pass"),
    "a look at a row": ("        self.note(self.held, key)\n        return", "        return"),
    "rows are not watched": ("isinstance(inner, Struct | Table)", "isinstance(inner, Struct)"),
    "structs are not watched": ("isinstance(inner, Struct | Table)", "isinstance(inner, Table)"),
    "the state before a step is not watched": (
        "for model in models:\n            self.watch",
        "for model in models[1:]:\n            self.watch",
    ),
}


@pytest.mark.parametrize("what", BLIND)
def test_one_that_sees_less_rejects_what_is_right(what, tmp_path, monkeypatch):
    """As it asks twice: it is never wrong in silence."""
    good, bad = BLIND[what]
    source = Path(by_case.__file__).read_text()
    assert source.count(good) == 1
    module: dict[str, Any] = {"__name__": "blind", "__file__": by_case.__file__}
    exec(compile(source.replace(good, bad), by_case.__file__, "exec"), module)
    path = tmp_path / "x.cert"
    path.write_bytes(made_of(one_cell("base", "qemu", "0x20", "linux", scope="cpus=1,pins=1,vectors=2")).content)
    assert check.tell(path, None, 0, ByCase) == 0
    assert check.tell(path, None, 0, module["ByCase"]) == 1
