"""What tests of circuits share: what CPython finds of a program, and what each reader finds in an export of it."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from checker.engine.reference import Explored, Reference, bindings_of, is_of_edges
from checker.export import aiger, btor2, smv
from checker.language.lower import lower
from checker.symbolic.circuit import Circuit, circuit_of
from model.lang import Design, Property, Scope
from tests.rigs import btormc
from tools import circuit_peers

MISSING = {
    "ABC": circuit_peers.why_missing("berkeley-abc"),
    "NuSMV": circuit_peers.why_missing("NuSMV"),
    "btormc": btormc.WHY_MISSING,
}
DEEP = 20  # steps, where a reader goes as far as it is told


def readers(*names: str) -> pytest.MarkDecorator:
    of = [
        pytest.param(name, marks=pytest.mark.skipif(MISSING[name] is not None, reason=f"{name}: {MISSING[name]}"))
        for name in names
    ]
    return pytest.mark.parametrize("reader", of)


@dataclass(frozen=True)
class Found:
    """states: all of them, None of a reader that does not count. steps: of the shortest run to what is looked for; None:
    there is none."""

    states: int | None
    steps: int | None


@functools.cache
def explored(design: type[Design], scope: Scope) -> Explored:
    found = Reference(design, scope).explore()
    assert found.stopped is None
    return found


def by_python(design: type[Design], scope: Scope, p: Property) -> Found:
    """Of all arguments of the property the shortest run."""
    reference, found = Reference(design, scope), explored(design, scope)
    lengths = list[int]()
    for args in bindings_of(p, scope):
        if is_of_edges(p):
            lengths += [
                found.depth[a] + 1
                for a, _, b in found.edges
                if not reference.holds_on_edge(p.function, args, found.states[a], found.states[b])
            ]
        else:
            sought = p.kind == "reachable"
            pairs = zip(found.states, found.depth, strict=True)
            lengths += [depth for s, depth in pairs if bool(reference.holds(p.function, args, s)) is sought]
    return Found(len(found.states), min(lengths, default=None))


def circuit(design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> Circuit:
    return circuit_of(lower(design, scope, properties), scope, Reference(design, scope).start)


def read(reader: str, made: Circuit) -> Found:
    return READ[reader](made)


def _by_abc(made: Circuit) -> Found:
    """Two engines of it have to say the same: one finds the shortest run, the other proves that there is none."""
    content = aiger.write(made, ["a test"])
    states = circuit_peers.abc(content, "reach -v -y").states
    shortest, other = (circuit_peers.abc(content, said) for said in (f"bmc3 -F {DEEP}", "pdr"))
    assert other.proved is (shortest.steps is None)
    return Found(states, shortest.steps)


def _by_nusmv(made: Circuit) -> Found:
    said = circuit_peers.nusmv(smv.write(made, ["a test"]))
    assert len(said.violated) <= 1
    return Found(said.states, said.steps)


def _by_btormc(made: Circuit) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.btor2"
        path.write_text(btor2.write(made, ["a test"]))
        steps = btormc.Btormc(path).bmc(DEEP)
    return Found(None, steps if steps >= 0 else None)


READ: Mapping[str, Callable[[Circuit], Found]] = {"ABC": _by_abc, "NuSMV": _by_nusmv, "btormc": _by_btormc}
