"""What tests of exports share: texts of a model, the checkers that read them where these are installed, and counts."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from checker.engine.reference import Explored, Reference
from checker.export import murphi, promela
from checker.export.flat import flatten
from checker.language.lower import lower
from model.finite import ModelError
from model.lang import Design, Property, Scope
from tests.rigs.compare import designs_in, load_module
from tests.rigs.header import Sizes
from tests.rigs.random_programs import random_functions
from tools import peers
from tools.peers import Ran

MISSING = {peer: peers.why_missing(peer) for peer in peers.NEEDED}
needs_spin = pytest.mark.skipif(MISSING["SPIN"] is not None, reason=f"SPIN: {MISSING['SPIN']}")
needs_rumur = pytest.mark.skipif(MISSING["rumur"] is not None, reason=f"rumur: {MISSING['rumur']}")
both_peers = pytest.mark.parametrize(
    "peer", [pytest.param("promela", marks=needs_spin), pytest.param("murphi", marks=needs_rumur)]
)


def text_of(peer: str, design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> str:
    language = {"promela": promela, "murphi": murphi}[peer]
    program = lower(design, scope, properties)
    flat = flatten(program, scope, Reference(design, scope).start, language.KEYWORDS)
    return language.write(flat, ["a test"])


def read(peer: str, text: str) -> Ran:
    """What the checker says of the text, compiled in a hurry."""
    ask: Mapping[str, Callable[..., Ran]] = {"promela": peers.spin, "murphi": peers.rumur}
    return ask[peer](text, flags=peers.QUICK)


def asked(peer: str, design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> Ran:
    return read(peer, text_of(peer, design, scope, properties))


def counts(peer: str, ran: Ran) -> tuple[int, int]:
    """States and transitions: SPIN counts the initial state as one more transition."""
    return ran.states, ran.transitions - (peer == "promela")


HEAD = "from tests.rigs.header import *\n\n\nclass Toy(Box):\n"
_files = itertools.count()


def small_random_design(choose: Random, folder: Path) -> tuple[type[Design], Explored]:
    """The first that has some states, and few, and stores nothing out of range; and what CPython finds of it. Its text is the
    last in the folder."""
    for _ in range(60):
        name = f"peer_{next(_files)}"
        path = folder / f"{name}.py"
        path.write_text(HEAD + "\n".join(random_functions(choose, number) for number in range(2)))
        try:
            design = designs_in(load_module(path, name))
            lower(design, Sizes(), [])  # what is read of the module
            explored = Reference(design, Sizes()).explore(3000)
        except ModelError:
            continue
        finally:
            sys.modules.pop(name, None)
        if explored.stopped is None and len(explored.states) > 8:
            return design, explored
    pytest.fail("none was small enough")
