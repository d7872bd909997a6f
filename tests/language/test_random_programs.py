"""Random programs mean the same to CPython and to C, in random states."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.language.lower import lower
from model.finite import ModelError
from tests.rigs.compare import compare_everywhere, designs_in, load_module
from tests.rigs.header import Sizes, Version
from tests.rigs.random_programs import random_functions
from tests.rigs.volume import volume

HEAD = "from tests.rigs.header import *\n\n\nclass Toy(Box):\n"
BATCH = 10  # steps that are compiled together
files = itertools.count()
tally = {"accepted": 0, "refused": 0}


def accepted(folder: Path, functions: str) -> bool:
    """Does the lowering take these functions? It may refuse them, but only with a message."""
    name = f"random_{next(files)}"
    path = folder / f"{name}.py"
    path.write_text(HEAD + functions)
    try:
        lower(designs_in(load_module(path, name)), Sizes())
    except ModelError:
        tally["refused"] += 1
        return False
    except Exception as error:
        error.add_note(path.read_text())
        raise
    finally:
        sys.modules.pop(name, None)
    tally["accepted"] += 1
    return True


def compare_batch(folder: Path, batch: list[str], scope: Sizes) -> None:
    name = f"random_{next(files)}"
    path = folder / f"{name}.py"
    path.write_text(HEAD + "\n".join(batch))
    design = designs_in(load_module(path, name))
    try:
        compare_everywhere(lower(design, scope), design, scope, tries=40)
    except Exception as error:
        error.add_note(path.read_text())
        raise
    finally:
        sys.modules.pop(name, None)


def make_batch(folder: Path, choose: Random, size: int = BATCH) -> list[str]:
    found = [random_functions(choose, number) for number in range(2 * size)]
    return [functions for functions in found if accepted(folder, functions)][:size]


@pytest.mark.everything
@pytest.mark.parametrize("examples", [volume(4, 100)])
def test_c_does_what_cpython_does(tmp_path: Path, examples: int) -> None:
    """What is refused is not compared, and that should stay the exception."""

    @settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(seed=st.integers(0, 2**32), lazy=st.booleans(), version=st.sampled_from(Version))
    def same(seed: int, lazy: bool, version: Version) -> None:
        batch = make_batch(tmp_path, Random(seed))
        if batch:
            compare_batch(tmp_path, batch, Sizes(lazy=lazy, version=version))

    tally.update(accepted=0, refused=0)
    same()
    assert tally["accepted"] >= 6 * examples
    assert tally["accepted"] > tally["refused"]
