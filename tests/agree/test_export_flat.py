"""What exports are made of (checker.export.flat) means what CPython means: steps, faults and properties, in random states."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from random import Random

import pytest

from checker.engine.reference import Reference
from checker.export import murphi, promela
from checker.language.layout import bindings, leaves
from checker.language.lower import lower
from model.finite import ModelError, decode, size
from model.lang import Design, Property, Scope
from tests.rigs.compare import designs_in, load_module, reference_moves
from tests.rigs.flat_run import FlatSystem
from tests.rigs.header import Box, Cpu, Pin, Sizes, Version, step
from tests.rigs.random_programs import random_functions
from tests.rigs.random_systems import Pieces, RandomSystem
from tests.rigs.volume import volume

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

HEAD = "from tests.rigs.header import *\n\n\nclass Toy(Box):\n"
GOLDEN = Path(__file__).parents[1] / "language" / "golden"
files = itertools.count()


def compare(design: type[Design], scope: Scope, properties: list[Property], tries: int) -> tuple[int, int, int]:
    """How many steps, faults and answers of properties were compared."""
    program, reference = lower(design, scope, properties), Reference(design, scope)
    system, choose = FlatSystem(program, reference), random.Random(1)
    types = [leaf.type for leaf in leaves(program.state)]
    steps = faults = said = 0
    for language in (promela, murphi):
        assert language.write(system.flat, ["a test"])
    by_name = {p.name: p for p in properties}
    for _ in range(tries):
        state = tuple(choose.randrange(size(of)) for of in types)
        expected = reference_moves(reference, state)
        assert system.moves(state) == expected
        steps += len(expected)
        faults += sum(after == "fault" for after in expected.values())
        if "fault" in expected.values():
            continue  # a search ends here: what properties say is not asked
        for formula in system.flat.formulas:
            p = by_name[formula.formula.name]
            for args in bindings(formula.params):
                values = [decode(param.type, code) for param, code in zip(formula.params, args, strict=True)]  # type: ignore[arg-type]
                if not formula.formula.of_edges:
                    assert system.says(formula, args, state) == bool(reference.holds(p.function, values, state))
                    said += 1
                    continue
                for after in expected.values():
                    assert not isinstance(after, str)
                    told = reference.holds_on_edge(p.function, values, state, after)
                    assert system.says(formula, args, after, state) == told
                    said += 1
    return steps, faults, said


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("*.py"))])
def test_each_construct_of_the_language(name: str) -> None:
    """The toys of tests/language, of one construct each."""
    module = load_module(GOLDEN / f"{name}.py", f"exported_golden_{name}")
    properties = [p for p in vars(module).values() if isinstance(p, Property)]
    steps, _, _ = compare(designs_in(module), Sizes(), properties, tries=60)
    assert steps > 5


class Reassigned(Box):
    """An alias stays where it was bound; a parameter that is given another value is the caller's no more."""

    def move(self, pin: Pin) -> None:
        pin = self.pin
        self.lines[pin] = True

    def flip(self, cpu: Cpu) -> None:
        row = self.rows[cpu]
        cpu = self.cpu
        row.line = not row.line
        self.rows[cpu].vector = None

    @step(by="guest")
    def up(self, pin: Pin, cpu: Cpu) -> None:
        self.flip(cpu)
        index = self.cpu
        row = self.rows[index]
        index = cpu
        self.move(pin)
        row.line = self.lines[pin]
        self.rows[index].vector = pin


def test_what_is_given_another_value() -> None:
    assert compare(Reassigned, Sizes(), [], tries=60)[0] > 100


def load(folder: Path, functions: str) -> type[Design]:
    name = f"exported_{next(files)}"
    path = folder / f"{name}.py"
    path.write_text(HEAD + functions)
    return designs_in(load_module(path, name))


def is_accepted(folder: Path, functions: str) -> bool:
    try:
        lower(load(folder, functions), Sizes())
    except ModelError:
        return False
    return True


@pytest.mark.parametrize("seeds", [range(volume(2, 100))])
def test_random_steps(tmp_path: Path, seeds: range) -> None:
    found = [compare_steps(tmp_path, seed) for seed in seeds]
    assert sum(steps for steps, _ in found) > 500 * len(seeds)
    assert sum(faults for _, faults in found) > 10 * len(seeds)


def compare_steps(folder: Path, seed: int) -> tuple[int, int]:
    choose = Random(seed)
    found = [random_functions(choose, number) for number in range(16)]
    functions = "\n".join(f for f in found if is_accepted(folder, f))
    design, scope = load(folder, functions), Sizes(lazy=bool(seed % 2), version=list(Version)[seed % 2])
    try:
        return compare(design, scope, [], tries=30)[:2]
    except Exception as error:
        error.add_note(functions)
        raise


@pytest.mark.parametrize("seed", range(volume(1, 40)))
def test_random_systems_and_what_properties_say(tmp_path: Path, seed: int) -> None:
    """Of several roles, with properties of states and of steps."""
    system = RandomSystem(Random(seed))
    wanted = [
        system.next_function(n, *kinds) for n, kinds in enumerate([["bool", "opt", "change"]] * 4 + [["step"]] * 3)
    ]
    wanted += [system.next_property(n) for n in range(8)]
    for more in wanted:
        prefix = f"exported_{next(files)}"
        try:
            lower_system(system, tmp_path, prefix, more)
        except ModelError:
            continue
        system.keep(more)
    design, properties = system.load(tmp_path, f"exported_{next(files)}")
    try:
        _, _, said = compare(design, Sizes(), properties, tries=30)
    except Exception as error:
        error.add_note(system.text())
        raise
    assert said > 20


def lower_system(system: RandomSystem, folder: Path, prefix: str, more: Pieces) -> None:
    """Raises ModelError."""
    design, properties = system.load(folder, prefix, more)
    lower(design, Sizes(), properties)
