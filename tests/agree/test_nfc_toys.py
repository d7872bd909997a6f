"""Random systems of a few lines, written in the modelling language: what `eoi nfc` says of two of them, by either engine, is what
the definitions say of the graphs that CPython explores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from checker.engine.reference import Reference, parameter_values
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.questions import nfc
from checker.questions.compare import Pair
from checker.questions.experiment import Telling
from checker.questions.nfc import DIFFERS, EQUAL, INCONCLUSIVE, NfcAnswer
from model.observers import OBSERVERS, Observer
from tests.rigs.compare import load_module
from tests.rigs.volume import volume
from tests.rigs.weak_toys import Toy, shortest_telling, weakly_alike_by_definition

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

HEAD = """\
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from model.lang import Design, Index, Scope, reachable, require, step

X: TypeAlias = Annotated[int, Index(3)]


@dataclass(frozen=True)
class Sizes(Scope):
    size: int = 1


class Shared(Design):
    x: X
    y: X
    z: bool


@reachable()
def x_is(s: Shared, k: X) -> bool:
    \"\"\"x is {k}\"\"\"
    return s.x == k


@reachable()
def z_is_set(s: Shared) -> bool:
    \"\"\"z is set\"\"\"
    return s.z and s.x == 2
"""
GUARDS = ("self.y == k", "not self.z", "self.x < 2", "self.y == 0", "self.x != k", "self.y <= self.x")
EFFECTS = (
    "self.x = k",
    "self.x = k",
    "self.y = k",
    "self.z = not self.z",
    "self.x = self.y",
    "self.y = self.x",
    "self.z = True",
)
LONGEST = 6
SEEDS = volume(24, 200)


def steps_of(dice: Random) -> list[tuple[str, str, list[str]]]:
    """(actor, guard, effects) of each step."""
    return [
        (dice.choice(["KVM", "KVM", "guest"]), dice.choice(GUARDS), dice.sample(EFFECTS, dice.choice([1, 1, 2])))
        for _ in range(dice.choice([2, 3, 3]))
    ]


def class_text(name: str, steps: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    lines = [f"\n\nclass {name}(Shared):"]
    for number, (actor, guard, effects) in enumerate(steps):
        lines += [
            f'    @step(by="{actor}")',
            f"    def step_{number}(self, k: X) -> None:",
            f"        require({guard})",
        ]
        lines += [f"        {effect}" for effect in effects] + [""]
    return "\n".join(lines)


def two_systems(seed: int, folder: Path) -> ModuleType:
    """The second one is the first with another guard, effect or actor; or with nothing else than other words."""
    dice = Random(seed)
    first = steps_of(dice)
    second = [(actor, guard, list(effects)) for actor, guard, effects in first]
    at = dice.randrange(len(second))
    actor, guard, effects = second[at]
    second[at] = dice.choice([
        (actor, dice.choice(GUARDS), effects), (actor, guard, [dice.choice(EFFECTS)]), (actor, guard, [*effects, "self.y = self.y"]),
        (actor, guard, [*effects, "self.y = k"]), (actor, f"{guard} and {dice.choice(GUARDS)}", effects),
    ])  # fmt: skip
    path = folder / f"toys_{seed}.py"
    path.write_text(HEAD + class_text("One", first) + class_text("Two", second))
    return load_module(path, f"nfc_toys_{seed}")


def by_definition(module: ModuleType, actors: set[str]) -> Toy:
    """Both graphs as one, the second one from state n of 2n on; each state twice where the other has more."""
    names: dict[object, int] = {None: 0}
    graphs = []
    for system in (module.One, module.Two):
        reference = Reference(system, module.Sizes())
        asked = [
            (p.function, v)
            for p in (module.x_is, module.z_is_set)
            for v in parameter_values(p.function, module.Sizes(), skip=1)
        ]
        explored = reference.explore()
        looks = [tuple(reference.all_hold(asked, state)) for state in explored.states]
        graphs.append((reference, explored, looks, system.steps()))
    size = max(len(looks) for _, _, looks, _ in graphs)
    colours, found, numbers = list[int](), set[tuple[int, int, int]](), dict[Any, int]()
    for first, (reference, explored, looks, steps) in zip((0, size), graphs, strict=True):
        colours += [numbers.setdefault(look, len(numbers)) for look in looks] + [-1] * (size - len(looks))
        for source, number, target in explored.edges:
            move = reference.moves[number]
            seen = (move.step, move.args) if steps[move.step].by in actors else None
            unseen = seen is None and looks[source] == looks[target]
            label = 0 if unseen else names.setdefault((seen, looks[target]), len(names))
            found.add((source + first, label, target + first))
    return Toy(tuple(colours), frozenset(found))


def answer(module: ModuleType, engine: str) -> NfcAnswer:
    cells = [Cell({"kernel": of.__name__}, of, module.Sizes()) for of in (module.One, module.Two)]
    return nfc.compare(Pair(*cells), "toy", (), Limits(), engine=engine)


@pytest.fixture(params=["guest", "nobody"])
def watch(request, monkeypatch):
    def begin(module: ModuleType) -> set[str]:
        observer = Observer("kernel", request.param, (module.x_is, module.z_is_set))
        monkeypatch.setitem(OBSERVERS, "toy", (observer,))
        return {request.param}

    return begin


def test_random_systems(tmp_path, watch):
    verdicts = Counter[str]()
    for seed in range(SEEDS):
        module = two_systems(seed, tmp_path)
        toy = by_definition(module, watch(module))
        half = len(toy.colours) // 2
        alike = weakly_alike_by_definition(toy, 0, half)
        native, reference = (answer(module, engine) for engine in ("native", "reference"))
        assert (native.verdict, native.steps, native.told) == (reference.verdict, reference.steps, reference.told), seed
        verdicts[native.verdict] += 1
        if native.verdict == INCONCLUSIVE:
            assert alike and "nothing is ever seen" in native.why, seed
            continue
        assert native.verdict == (EQUAL if alike else DIFFERS), seed
        if native.told is not None and native.told.telling is not Telling.READS and native.steps <= LONGEST:
            assert shortest_telling(toy, 0, half, native.steps, native.told.telling) == native.steps, seed
    assert min(verdicts[EQUAL], verdicts[DIFFERS]) >= 5, verdicts


PICKS = """

class {name}(Shared):
    @step(by="guest")
    def a(self) -> None:
        require(self.y == 0)
        self.y = 1

    @step(by="guest")
    def b(self) -> None:
        require(self.y == 1{and_picked})
        self.y = 2

    @step(by="KVM")
    def pick(self, k: X) -> None:
        require(self.y == {when} and self.x == 0 and k > 0)
        self.x = k

    @step(by="guest")
    def c(self) -> None:
        require(self.y == 2 and self.x == 1)
        self.x = 0
        self.y = 0

    @step(by="guest")
    def d(self) -> None:
        require(self.y == 2 and self.x == 2)
        self.x = 0
        self.y = 0
"""


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_choice_that_is_made_earlier_is_told_by_a_line_of_the_game(tmp_path, monkeypatch, engine):
    """Unseen, before b or after it: each shows the same runs, and refuses the same after them."""
    path = tmp_path / "picks.py"
    late, early = (
        PICKS.format(name="One", and_picked="", when=2),
        PICKS.format(name="Two", and_picked=" and self.x > 0", when=1),
    )
    path.write_text(HEAD + late + early)
    module = load_module(path, f"nfc_picks_{engine}")
    monkeypatch.setitem(OBSERVERS, "toy", (Observer("kernel", "guest", ()),))
    found = answer(module, engine)
    assert found.verdict == DIFFERS and found.told is not None and found.told.telling is Telling.BRANCHES
    steps, answers = ([move.step for move in of if move.step != "pick"] for of in (found.told.moves, found.told.others))
    assert steps[:2] == ["a", "b"] and steps[-1] in "cd" and answers == steps[:-1]
    assert "No single run tells" in found.told.said and "cannot take that" in found.told.said
