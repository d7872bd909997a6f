"""Certificates in tests: made of a cell, taken apart, put together again, checked in this process, and judged by CPython."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from checker.certificate import check
from checker.certificate.by_case import ByCase
from checker.certificate.check import Certificate
from checker.engine.liveness_reference import find_lasso
from checker.engine.native import Graph
from checker.engine.reference import Codes, Explored, Reference, bindings_of, is_of_edges
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.roles import all_properties
from checker.questions.certificates import Made, archive, certificate_of
from checker.questions.verdict import check_cell
from model.finite import encode
from model.lang import Design, Kind, Property, Scope, resolve

Members = dict[str, bytes]
CLAIMS = "claims.json"


def made_of(cell: Cell, names: Sequence[str] = (), engine: str = "native") -> Made:
    """Of these properties, or of all."""
    known = all_properties()
    result = check_cell(cell, [known[name] for name in names or known], engine=engine, again=0)
    made = certificate_of(result, Limits())
    assert made is not None and made.claims
    return made


def members_of(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def said_in(members: Members) -> Any:
    return json.loads(members[CLAIMS])


def told(members: Members, path: Path) -> int:
    """What the checker says of it, by its exit code; and so it does by cases."""
    path.write_bytes(archive(members))
    code, by_cases = check.tell(path, None, 0), check.tell(path, None, 0, ByCase)
    assert by_cases == code
    return code


def accepted(members: Mapping[str, bytes], path: Path) -> Certificate | None:
    """The certificate, if it is one, whatever is wrong with it otherwise. By cases it is one where it is one."""
    path.write_bytes(archive(members))
    found, by_cases = (_if_accepted(kind, path) for kind in (Certificate, ByCase))
    assert (found is None) is (by_cases is None)
    assert found is None or by_cases is None or (found.edges, found.verdicts) == (by_cases.edges, by_cases.verdicts)
    return found


def _if_accepted(kind: type[Certificate], path: Path) -> Certificate | None:
    try:
        found = kind(path)
        for number in range(len(found.states)):
            found.check(number)
    except Exception:  # as the checker itself does
        return None
    return found


# --- what is true, by the reference explorer ---


@functools.cache
def explored(design: type[Design], scope: Scope) -> tuple[Reference, Explored]:
    reference = Reference(design, scope)
    return reference, reference.explore()


def is_true(claim: Any, line: str, found: Certificate) -> bool:
    """Of a claim of a certificate that was accepted, and of the line that it became."""
    p: Property = check.find(*claim["property"])
    if claim["verdict"] in ("VIOLATED", "REACHED"):
        return any(_happens(p, args, found) for args, codes in _bindings(p, found) if codes == claim["binding"])
    happens = any(_happens(p, args, found) for args, _ in _bindings(p, found))
    return not happens and (claim["verdict"] == "NEVER" or ("vacuously" in line) == _is_vacuous(p, found))


def _bindings(p: Property, found: Certificate) -> list[tuple[tuple[Any, ...], list[int]]]:
    hints = check.get_type_hints(p.function, include_extras=True)
    names = p.function.__code__.co_varnames[1 + is_of_edges(p) : p.function.__code__.co_argcount]
    types: list[Any] = [resolve(hints[name], found.scope, name) for name in names]
    every = bindings_of(p, found.scope)
    return [(args, [encode(of, value) for of, value in zip(types, args, strict=True)]) for args in every]


def _happens(p: Property, args: tuple[Any, ...], found: Certificate) -> bool:
    """What its run would show: that it is violated, or reached."""
    reference, graph = explored(found.design, found.scope)
    if p.kind is Kind.LEADS_TO:
        said = [reference.holds(p.function, args, state) for state in graph.states]
        p_and_q = [np.array([bool(one[k]) for one in said], np.uint8) for k in (0, 1)]
        return find_lasso(_graph(graph), [move.fair for move in reference.moves], *p_and_q) is not None
    if is_of_edges(p):
        pairs = {(graph.states[src], graph.states[dst]) for src, _, dst in graph.edges}
        return not all(reference.holds_on_edge(p.function, args, *pair) for pair in pairs)
    witness = p.kind is Kind.REACHABLE
    return any(bool(reference.holds(p.function, args, state)) is witness for state in graph.states)


def _is_vacuous(p: Property, found: Certificate) -> bool:
    reference, graph = explored(found.design, found.scope)
    if p.kind is Kind.LEADS_TO:
        occurs = (reference.holds(p.function, args, s)[0] for args, _ in _bindings(p, found) for s in graph.states)
        return not any(occurs)
    premise = all_properties()[p.premise] if p.premise else None
    return premise is not None and not any(_happens(premise, args, found) for args, _ in _bindings(premise, found))


def _graph(graph: Explored) -> Graph:
    row = np.searchsorted([src for src, _, _ in graph.edges], range(len(graph.states) + 1)).astype(np.uint64)
    target, label = (np.array([edge[k] for edge in graph.edges]) for k in (2, 1))
    return Graph(row, target.astype(np.uint32), label.astype(np.uint16), 1)


def number_of(found: Certificate, codes: Codes) -> int:
    return sum(code << at for code, at in zip(codes, found.model.shifts, strict=False))
