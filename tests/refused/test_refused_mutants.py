"""A damaged model is either accepted or refused with a message: never a traceback. What is accepted means the same
to CPython and to C."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.language.ir import Program
from checker.language.lower import lower
from checker.matrix.loader import load_file
from model.designs.v1 import V1
from model.devices import Level
from model.finite import ModelError
from model.guests.linux import Linux
from model.lang import Design, Property, compose
from model.machine import Scope
from model.vmms.qemu import Qemu
from tests.rigs.compare import compare_everywhere, designs_in, load_module
from tests.rigs.header import Sizes
from tests.rigs.refused_mutants import mutant
from tests.rigs.volume import at_once, volume

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
GOLDEN = Path(__file__).parents[1] / "language" / "golden"
TOYS = sorted(GOLDEN.glob("*.py"))
MODULES: dict[str, tuple[str, Callable[[type], type[Design]]]] = {
    "model.kvm.x86": ("X86C", lambda c: compose(c, Qemu, Linux, Level)),
    "model.designs.v1": ("V1", lambda c: compose(c, Qemu, Linux, Level)),
    "model.vmms.qemu": ("Qemu", lambda c: compose(V1, c, Linux, Level)),
    "model.guests.linux": ("Linux", lambda c: compose(V1, Qemu, c, Level)),
    "model.guests.windows_cg": ("WindowsCg", lambda c: compose(V1, Qemu, c, Level)),
    "model.devices": ("Level", lambda c: compose(V1, Qemu, Linux, c)),
}


def class_of(path: Path, name: str) -> type[Design]:
    """Of a file, also one that is only a part of a design."""
    found = vars(load_file(path).module).get(name)
    if found is None:
        raise ModelError(f"{path}: no class {name}")
    return found


@pytest.mark.parametrize("module", at_once(MODULES, 6))
def test_damaged_model(module: str, tmp_path: Path) -> None:
    name, system = MODULES[module]
    source = Path(str(importlib.import_module(module).__file__)).read_text()
    choose, accepted, refused = random.Random(module), 0, list[str]()
    for n in range(40):
        path = tmp_path / f"m{n}.py"
        path.write_text(mutant(source, choose))
        try:
            lower(system(class_of(path, name)), Scope())
        except ModelError as error:
            refused.append(str(error))
        except Exception as error:
            error.add_note(f"{path.read_text()}\nseed {module}, mutant {n}")
            raise
        else:
            accepted += 1
    assert all(message.strip() for message in refused)
    assert len(refused) > 5
    assert accepted + len(refused) == 40


@pytest.mark.parametrize("toy", at_once(TOYS, 8), ids=lambda path: path.stem)
def test_damaged_toy(toy: Path, tmp_path: Path) -> None:
    source, choose, compared = toy.read_text(), random.Random(toy.stem), 0
    for n in range(volume(8, 14)):
        path = tmp_path / f"m{n}.py"
        path.write_text(mutant(source, choose))
        name = f"mutant_{toy.stem}_{n}"
        try:
            design, properties = _toy_of(path, name)
        except Exception:
            continue  # Python itself refuses the file: see refused/loaded
        try:
            program = lower(design, Sizes(), properties)
        except ModelError:
            continue
        except Exception as error:
            error.add_note(path.read_text())
            raise
        else:
            compared += 1
            if compared <= volume(1, 2):
                _same_in_c(program, design, path)
        finally:
            del sys.modules[name]


def _toy_of(path: Path, name: str) -> tuple[type[Design], list[Property]]:
    module = load_module(path, name)
    try:
        return designs_in(module), [p for p in vars(module).values() if isinstance(p, Property)]
    except IndexError:
        del sys.modules[name]
        raise


def _same_in_c(program: Program, design: type[Design], path: Path) -> None:
    try:
        compare_everywhere(program, design, Sizes(), tries=60)
    except ModelError:
        pass  # initial() stores out of range, or a default is out of range
    except AssertionError as error:
        error.add_note(path.read_text())
        raise
